/*
 * expr: lexer and recursive descent with a depth cap; evaluation is in expr_match.c.
 */
#include "xray/expr.h"

#include "xray/expr_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    struct ray_str word;
    enum ray_expr_value_kind kind;
    bool in_trace; /* has a meaning outside of blocks */
} fields[RAY_EXPR_FIELD_COUNT] = {
    [RAY_EXPR_OK] = {RAY_STR_INIT("ok"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_ERROR] = {RAY_STR_INIT("error"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_FAULT] = {RAY_STR_INIT("fault"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_THROTTLE] = {RAY_STR_INIT("throttle"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_PARTIAL] = {RAY_STR_INIT("partial"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_ROOT] = {RAY_STR_INIT("root"), RAY_EXPR_BOOL, false},
    [RAY_EXPR_INFERRED] = {RAY_STR_INIT("inferred"), RAY_EXPR_BOOL, true},
    [RAY_EXPR_RESPONSE_TIME] = {RAY_STR_INIT("responsetime"), RAY_EXPR_NUMBER, true},
    [RAY_EXPR_DURATION] = {RAY_STR_INIT("duration"), RAY_EXPR_NUMBER, true},
    [RAY_EXPR_HTTP_STATUS] = {RAY_STR_INIT("http.status"), RAY_EXPR_NUMBER, true},
    [RAY_EXPR_HTTP_URL] = {RAY_STR_INIT("http.url"), RAY_EXPR_STRING, true},
    [RAY_EXPR_HTTP_METHOD] = {RAY_STR_INIT("http.method"), RAY_EXPR_STRING, true},
    [RAY_EXPR_HTTP_USER_AGENT] = {RAY_STR_INIT("http.useragent"), RAY_EXPR_STRING, true},
    [RAY_EXPR_HTTP_CLIENT_IP] = {RAY_STR_INIT("http.clientip"), RAY_EXPR_STRING, true},
    [RAY_EXPR_USER] = {RAY_STR_INIT("user"), RAY_EXPR_STRING, true},
    [RAY_EXPR_NAME] = {RAY_STR_INIT("name"), RAY_EXPR_STRING, false},
    [RAY_EXPR_TYPE] = {RAY_STR_INIT("type"), RAY_EXPR_STRING, false},
    [RAY_EXPR_AVAILABILITY_ZONE] = {RAY_STR_INIT("availabilityzone"), RAY_EXPR_STRING, true},
    [RAY_EXPR_INSTANCE_ID] = {RAY_STR_INIT("instance.id"), RAY_EXPR_STRING, true},
    [RAY_EXPR_RESOURCE_ARN] = {RAY_STR_INIT("resource.arn"), RAY_EXPR_STRING, true},
};

/* Words of the language that this program does not serve (yet), or only inside such. */
static const struct {
    struct ray_str prefix;
    const char *problem;
} not_served[] = {
    {RAY_STR_INIT("rootcause."), "root causes (rootcause.*) are not served yet"},
    {RAY_STR_INIT("group.name"), "groups (group.name) are not served yet"},
    {RAY_STR_INIT("group.arn"), "groups (group.arn) are not served yet"},
    {RAY_STR_INIT("first"), "'first' belongs inside a rootcause block"},
    {RAY_STR_INIT("last"), "'last' belongs inside a rootcause block"},
    {RAY_STR_INIT("remote"), "'remote' belongs inside a rootcause block"},
    {RAY_STR_INIT("index"), "'index' belongs inside a rootcause block"},
    {RAY_STR_INIT("coverage"), "'coverage' belongs inside a rootcause block"},
    {RAY_STR_INIT("message"), "'message' belongs inside a rootcause block"},
};

static const struct {
    struct ray_str text;
    enum ray_expr_compare compare;
    bool is_word;
} operators[] = {
    {RAY_STR_INIT("!="), RAY_COMPARE_NE, false}, /* two signs before one */
    {RAY_STR_INIT("<="), RAY_COMPARE_LE, false},
    {RAY_STR_INIT(">="), RAY_COMPARE_GE, false},
    {RAY_STR_INIT("="), RAY_COMPARE_EQ, false},
    {RAY_STR_INIT("<"), RAY_COMPARE_LT, false},
    {RAY_STR_INIT(">"), RAY_COMPARE_GT, false},
    {RAY_STR_INIT("CONTAINS"), RAY_COMPARE_CONTAINS, true},
    {RAY_STR_INIT("BEGINSWITH"), RAY_COMPARE_BEGINS, true},
    {RAY_STR_INIT("ENDSWITH"), RAY_COMPARE_ENDS, true},
};
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OPERATOR, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    size_t at;           /* byte offset */
    struct ray_str text; /* STRING: unescaped */
    enum ray_expr_compare compare;
    double number;
    char sign; /* one of ( ) { } [ ] , : ! */
};

struct parser {
    struct ray_str text;
    size_t pos; /* behind `token` */
    struct token token;
    struct ray_arena *arena;
    struct ray_expr_error *error;
    enum ray_status status; /* sticky; the first problem wins */
    uint32_t depth;
    bool in_block;
};

/* ---- problems ---- */

static void fail(struct parser *p, enum ray_status status, size_t at, const char *format, ...)
    RAY_PRINTF(4, 5);

static void fail(struct parser *p, enum ray_status status, size_t at, const char *format, ...)
{
    if (p->status != RAY_OK) {
        return;
    }
    p->status = status;
    p->token = (struct token){.kind = TOKEN_END, .at = at};
    char what[180];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    snprintf(p->error->text, sizeof(p->error->text),
             "Invalid filter expression at position %zu: %s", at + 1, what);
}

static void fail_memory(struct parser *p)
{
    fail(p, RAY_NOMEM, p->token.at, "out of memory");
}

/* ---- lexer ---- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char byte_at(const struct parser *p, size_t pos)
{
    if (pos >= p->text.len) {
        return '\0';
    }
    return p->text.ptr[pos];
}

/* The position of the closing quote, or the end of the text. */
static size_t string_end(const struct parser *p, size_t pos)
{
    while (pos < p->text.len && p->text.ptr[pos] != '"') {
        pos += p->text.ptr[pos] == '\\' && pos + 1 < p->text.len ? 2 : 1;
    }
    return pos;
}

static void lex_string(struct parser *p)
{
    size_t start = p->pos, end = string_end(p, start + 1), len = 0;
    char *copy = ray_arena_alloc_text(p->arena, end - start);
    if (end >= p->text.len) {
        fail(p, RAY_INVALID, start, "this string has no closing quote");
        return;
    }
    if (copy == NULL) {
        fail_memory(p);
        return;
    }
    for (size_t i = start + 1; i < end; i++) {
        i += p->text.ptr[i] == '\\' ? 1 : 0;
        copy[len++] = p->text.ptr[i];
    }
    p->pos = end + 1;
    p->token = (struct token){.kind = TOKEN_STRING, .at = start, .text = {copy, len}};
}

static size_t skip_digits(const struct parser *p, size_t pos)
{
    while (is_digit(byte_at(p, pos))) {
        pos++;
    }
    return pos;
}

static void lex_number(struct parser *p)
{
    size_t start = p->pos;
    size_t end = skip_digits(p, byte_at(p, start) == '-' ? start + 1 : start);
    if (byte_at(p, end) == '.') {
        end = skip_digits(p, end + 1);
    }
    if (byte_at(p, end) == 'e' || byte_at(p, end) == 'E') {
        char sign = byte_at(p, end + 1);
        end = skip_digits(p, sign == '-' || sign == '+' ? end + 2 : end + 1);
    }
    struct token token = {.kind = TOKEN_NUMBER, .at = start};
    token.text = (struct ray_str){p->text.ptr + start, end - start};
    if (is_word_byte(byte_at(p, end)) || ray_str_to_double(token.text, &token.number) != RAY_OK) {
        fail(p, RAY_INVALID, start, "this is no number");
        return;
    }
    p->pos = end;
    p->token = token;
}

static bool lex_operator(struct parser *p)
{
    struct ray_str rest = ray_str_from_pos(p->text, p->pos);
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (!operators[i].is_word && ray_str_starts_with(rest, operators[i].text)) {
            p->token = (struct token){.kind = TOKEN_OPERATOR,
                                      .at = p->pos,
                                      .text = ray_str_until(rest, operators[i].text.len),
                                      .compare = operators[i].compare};
            p->pos += operators[i].text.len;
            return true;
        }
    }
    return false;
}

static void lex_word(struct parser *p)
{
    size_t start = p->pos;
    while (is_word_byte(byte_at(p, p->pos))) {
        p->pos++;
    }
    p->token = (struct token){.kind = TOKEN_WORD, .at = start};
    p->token.text = (struct ray_str){p->text.ptr + start, p->pos - start};
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (operators[i].is_word && ray_str_eq_nocase(p->token.text, operators[i].text)) {
            p->token.kind = TOKEN_OPERATOR;
            p->token.compare = operators[i].compare;
        }
    }
}

/* The service's own words for a character that no token starts with (seen in public reports). */
static void fail_symbol(struct parser *p)
{
    unsigned char c = (unsigned char)byte_at(p, p->pos);
    if (c > ' ' && c < 0x7F) {
        fail(p, RAY_INVALID, p->pos, "Invalid input symbol '%c'", c);
    } else {
        fail(p, RAY_INVALID, p->pos, "Invalid input symbol (byte 0x%02X)", c);
    }
}

static void skip_space(struct parser *p)
{
    while (p->pos < p->text.len && strchr(" \t\r\n", p->text.ptr[p->pos]) != NULL &&
           p->text.ptr[p->pos] != '\0') {
        p->pos++;
    }
}

/* Moves `token` on. After a failure it stays at TOKEN_END. */
static void next(struct parser *p)
{
    if (p->status != RAY_OK) {
        return;
    }
    skip_space(p);
    char c = byte_at(p, p->pos);
    if (p->pos >= p->text.len) {
        p->token = (struct token){.kind = TOKEN_END, .at = p->pos};
    } else if (c == '"') {
        lex_string(p);
    } else if (is_digit(c) || (c == '-' && is_digit(byte_at(p, p->pos + 1)))) {
        lex_number(p);
    } else if (is_word_byte(c)) {
        lex_word(p);
    } else if (lex_operator(p)) {
        return;
    } else if (c != '\0' && strchr("(){}[],:!", c) != NULL) {
        p->token = (struct token){.kind = TOKEN_SIGN, .at = p->pos, .sign = c};
        p->token.text = (struct ray_str){p->text.ptr + p->pos, 1};
        p->pos++;
    } else {
        fail_symbol(p);
    }
}

static bool at_sign(const struct parser *p, char sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

static bool at_word(const struct parser *p, struct ray_str word)
{
    return p->token.kind == TOKEN_WORD && ray_str_eq_nocase(p->token.text, word);
}

static bool accept_sign(struct parser *p, char sign)
{
    bool found = at_sign(p, sign);
    if (found) {
        next(p);
    }
    return found;
}

static bool accept_word(struct parser *p, struct ray_str word)
{
    bool found = at_word(p, word);
    if (found) {
        next(p);
    }
    return found;
}

/* A printable name of what stands there, for messages. */
static struct ray_str token_text(const struct parser *p)
{
    bool end = p->token.kind == TOKEN_END;
    return end ? RAY_STR("the end of the expression") : ray_str_until(p->token.text, 60);
}

static void fail_expected(struct parser *p, const char *what)
{
    /* quoted, or 'error = "true"' would be told that true is not true */
    const char *quote = p->token.kind == TOKEN_STRING ? "\"" : "";
    fail(p, RAY_INVALID, p->token.at, "expected %s, found %s%.*s%s", what, quote,
         RAY_STR_ARG(token_text(p)), quote);
}

static void expect_sign(struct parser *p, char sign)
{
    char what[4] = {'\'', sign, '\'', '\0'};
    if (p->status == RAY_OK && !accept_sign(p, sign)) {
        fail_expected(p, what);
    }
}

/* ---- parser ---- */

static struct ray_expr *parse_or(struct parser *p);

static struct ray_expr *new_node(struct parser *p, enum ray_expr_node_kind kind)
{
    struct ray_expr *node = RAY_ARENA_NEW(p->arena, struct ray_expr);
    if (node == NULL) {
        fail_memory(p);
        return NULL;
    }
    node->kind = kind;
    return node;
}

static struct ray_str copy_text(struct parser *p, struct ray_str text)
{
    struct ray_str copy = ray_arena_copy(p->arena, text);
    if (copy.ptr == NULL) {
        fail_memory(p);
    }
    return copy;
}

static bool descend(struct parser *p)
{
    if (p->depth >= RAY_EXPR_DEPTH_MAX) {
        fail(p, RAY_INVALID, p->token.at, "nested more than %u deep", RAY_EXPR_DEPTH_MAX);
        return false;
    }
    p->depth++;
    return true;
}

static const char *const kind_words[] = {
    [RAY_EXPR_BOOL] = "true or false",
    [RAY_EXPR_NUMBER] = "a number",
    [RAY_EXPR_STRING] = "a string in double quotes",
};

/* The literal behind an operator. A bare word is taken for a string, as one example of the guide
 * has it (`name = traces`); words of the language are not. */
static bool read_literal(struct parser *p, struct ray_expr_value *out)
{
    bool is_true = at_word(p, RAY_STR("true"));
    if (is_true || at_word(p, RAY_STR("false"))) {
        *out = (struct ray_expr_value){.kind = RAY_EXPR_BOOL, .boolean = is_true};
        return true;
    }
    if (p->token.kind == TOKEN_NUMBER) {
        *out = (struct ray_expr_value){.kind = RAY_EXPR_NUMBER, .number = p->token.number};
        return true;
    }
    bool reserved = at_word(p, RAY_STR("AND")) || at_word(p, RAY_STR("OR"));
    if (reserved || (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_STRING)) {
        return false;
    }
    *out = (struct ray_expr_value){.kind = RAY_EXPR_STRING};
    out->string = copy_text(p, p->token.text);
    return true;
}

static bool operator_takes(enum ray_expr_compare compare, enum ray_expr_value_kind kind)
{
    if (compare == RAY_COMPARE_EQ || compare == RAY_COMPARE_NE) {
        return true;
    }
    return kind == (compare >= RAY_COMPARE_CONTAINS ? RAY_EXPR_STRING : RAY_EXPR_NUMBER);
}

/* [ op literal ]. `kind` is what the literal must be; NULL: anything (annotations). */
static void parse_comparison(struct parser *p, struct ray_expr *node,
                             const enum ray_expr_value_kind *kind)
{
    if (p->token.kind != TOKEN_OPERATOR) {
        return;
    }
    node->compare = p->token.compare;
    struct token op = p->token;
    if (kind != NULL && !operator_takes(node->compare, *kind)) {
        fail(p, RAY_INVALID, op.at, "%.*s cannot be used here, compare with %s",
             RAY_STR_ARG(op.text), kind_words[*kind]);
        return;
    }
    next(p);
    if (!read_literal(p, &node->value)) {
        fail_expected(p, kind != NULL ? kind_words[*kind] : "a string, number or boolean");
    } else if (kind != NULL && node->value.kind != *kind) {
        fail_expected(p, kind_words[*kind]);
    } else if (!operator_takes(node->compare, node->value.kind)) {
        fail(p, RAY_INVALID, op.at, "%.*s does not compare with %s", RAY_STR_ARG(op.text),
             kind_words[node->value.kind]);
    } else {
        next(p);
    }
}

static bool is_key(struct ray_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_word_byte(key.ptr[i])) {
            return false;
        }
    }
    return key.len > 0;
}

/* annotation.key, standing in the word itself */
static void parse_dotted_key(struct parser *p, struct ray_expr *node)
{
    struct ray_str key = ray_str_from_pos(p->token.text, sizeof("annotation.") - 1);
    if (key.len == 0) {
        fail(p, RAY_INVALID, p->token.at, "annotation. needs a key");
    } else if (ray_str_find_byte(key, '.') != SIZE_MAX) {
        fail(p, RAY_INVALID, p->token.at, "a key with dots needs brackets: annotation[%.*s]",
             RAY_STR_ARG(ray_str_until(key, 60)));
    } else {
        node->key = copy_text(p, key);
        next(p);
    }
}

/* annotation[key] or annotation["key"]. Read past the lexer: a key may begin with a digit. */
static void parse_bracket_key(struct parser *p, struct ray_expr *node)
{
    size_t start = p->token.at + 1; /* behind the '[' that is the token now */
    size_t end = start;
    while (is_word_byte(byte_at(p, end))) {
        end++;
    }
    if (end > start) {
        node->key = copy_text(p, (struct ray_str){p->text.ptr + start, end - start});
        p->pos = end;
    } else {
        next(p);
        if (p->token.kind != TOKEN_STRING || !is_key(p->token.text)) {
            fail_expected(p, "a key of letters, digits, '_' and '.'");
            return;
        }
        node->key = copy_text(p, p->token.text);
    }
    next(p);
    expect_sign(p, ']');
}

static struct ray_expr *parse_annotation(struct parser *p)
{
    struct ray_expr *node = new_node(p, RAY_EXPR_NODE_ANNOTATION);
    if (node == NULL) {
        return NULL;
    }
    if (ray_str_eq_nocase(p->token.text, RAY_STR("annotation"))) {
        next(p);
        if (!at_sign(p, '[')) {
            fail_expected(p, "'.key' or '[key]' behind annotation");
            return NULL;
        }
        parse_bracket_key(p, node);
    } else {
        parse_dotted_key(p, node);
    }
    parse_comparison(p, node, NULL);
    return node;
}

static void parse_id_part(struct parser *p, struct ray_expr_pattern *out)
{
    struct ray_str *part = at_word(p, RAY_STR("name"))         ? &out->name
                           : at_word(p, RAY_STR("type"))       ? &out->type
                           : at_word(p, RAY_STR("account.id")) ? &out->account_id
                                                               : NULL;
    if (part == NULL) {
        fail_expected(p, "name:, type: or account.id:");
        return;
    }
    next(p);
    expect_sign(p, ':');
    if (p->token.kind != TOKEN_STRING) {
        fail_expected(p, kind_words[RAY_EXPR_STRING]);
        return;
    }
    *part = copy_text(p, p->token.text);
    next(p);
}

/* A name, id(...), or nothing at all: any node. */
static void parse_pattern(struct parser *p, struct ray_expr_pattern *out)
{
    if (p->token.kind == TOKEN_STRING) {
        out->name = copy_text(p, p->token.text);
        next(p);
    } else if (accept_word(p, RAY_STR("id"))) {
        expect_sign(p, '(');
        do {
            parse_id_part(p, out);
        } while (accept_sign(p, ','));
        expect_sign(p, ')');
    } else if (!at_sign(p, ')') && !at_sign(p, ',')) {
        fail_expected(p, "a service name in double quotes, or id(...)");
    }
}

static void parse_block(struct parser *p, struct ray_expr *node)
{
    if (!at_sign(p, '{') || !descend(p)) {
        return;
    }
    next(p);
    p->in_block = true;
    node->first = parse_or(p);
    p->in_block = false;
    p->depth--;
    expect_sign(p, '}');
}

static struct ray_expr *parse_service(struct parser *p, enum ray_expr_node_kind kind)
{
    struct ray_expr *node = new_node(p, kind);
    if (node == NULL) {
        return NULL;
    }
    if (p->in_block) {
        fail(p, RAY_INVALID, p->token.at, "%.*s() cannot stand inside a block",
             RAY_STR_ARG(p->token.text));
        return NULL;
    }
    next(p);
    expect_sign(p, '(');
    if (kind == RAY_EXPR_NODE_EDGE) {
        parse_pattern(p, &node->caller);
        if (accept_sign(p, ',')) {
            parse_pattern(p, &node->callee);
        }
    } else {
        parse_pattern(p, &node->callee);
    }
    expect_sign(p, ')');
    parse_block(p, node);
    return node;
}

static struct ray_expr *parse_field(struct parser *p, enum ray_expr_field field)
{
    struct ray_expr *node = new_node(p, RAY_EXPR_NODE_FIELD);
    if (node == NULL) {
        return NULL;
    }
    if (!p->in_block && !fields[field].in_trace) {
        fail(p, RAY_INVALID, p->token.at, "'%.*s' belongs inside a service() or edge() block",
             RAY_STR_ARG(fields[field].word));
        return NULL;
    }
    node->field = field;
    next(p);
    parse_comparison(p, node, &fields[field].kind);
    return node;
}

static void fail_keyword(struct parser *p)
{
    struct ray_str word = p->token.text;
    for (size_t i = 0; i < COUNT_OF(not_served); i++) {
        bool is_prefix = ray_str_ends_with(not_served[i].prefix, RAY_STR("."));
        struct ray_str head = is_prefix ? ray_str_until(word, not_served[i].prefix.len) : word;
        if (ray_str_eq_nocase(head, not_served[i].prefix)) {
            fail(p, RAY_INVALID, p->token.at, "%s", not_served[i].problem);
            return;
        }
    }
    fail(p, RAY_INVALID, p->token.at, "unknown keyword '%.*s'",
         RAY_STR_ARG(ray_str_until(word, 60)));
}

static struct ray_expr *parse_term(struct parser *p)
{
    struct ray_str word = p->token.text;
    if (p->token.kind != TOKEN_WORD || at_word(p, RAY_STR("AND")) || at_word(p, RAY_STR("OR"))) {
        fail_expected(p, "a keyword");
        return NULL;
    }
    if (ray_str_eq_nocase(word, RAY_STR("service"))) {
        return parse_service(p, RAY_EXPR_NODE_SERVICE);
    }
    if (ray_str_eq_nocase(word, RAY_STR("edge"))) {
        return parse_service(p, RAY_EXPR_NODE_EDGE);
    }
    if (ray_str_eq_nocase(word, RAY_STR("annotation")) ||
        ray_str_eq_nocase(ray_str_until(word, sizeof("annotation.") - 1), RAY_STR("annotation."))) {
        return parse_annotation(p);
    }
    for (size_t i = 0; i < RAY_EXPR_FIELD_COUNT; i++) {
        if (ray_str_eq_nocase(word, fields[i].word)) {
            return parse_field(p, (enum ray_expr_field)i);
        }
    }
    fail_keyword(p);
    return NULL;
}

static struct ray_expr *parse_unary(struct parser *p)
{
    bool negated = false;
    while (accept_sign(p, '!')) {
        negated = !negated;
    }
    struct ray_expr *node = NULL;
    if (!at_sign(p, '(')) {
        node = parse_term(p);
    } else if (descend(p)) {
        next(p);
        node = parse_or(p);
        p->depth--;
        expect_sign(p, ')');
    }
    if (node != NULL) {
        node->negated = node->negated != negated;
    }
    return node;
}

/* What may begin an operand: so juxtaposition goes on. */
static bool at_operand(const struct parser *p)
{
    return (p->token.kind == TOKEN_WORD && !at_word(p, RAY_STR("OR"))) || at_sign(p, '!') ||
           at_sign(p, '(');
}

/* Ends a row of operands: one alone needs no node of its own. */
static struct ray_expr *row_of(struct parser *p, enum ray_expr_node_kind kind,
                               struct ray_expr *first)
{
    if (p->status != RAY_OK || first->next == NULL) {
        return first;
    }
    struct ray_expr *node = new_node(p, kind);
    if (node != NULL) {
        node->first = first;
    }
    return node;
}

static struct ray_expr *parse_and(struct parser *p)
{
    struct ray_expr *first = NULL, **end = &first;
    do {
        struct ray_expr *operand = parse_unary(p);
        if (operand == NULL || p->status != RAY_OK) {
            return NULL;
        }
        *end = operand;
        end = &operand->next;
    } while (accept_word(p, RAY_STR("AND")) || at_operand(p));
    return row_of(p, RAY_EXPR_NODE_AND, first);
}

/* Recursion through parse_unary and parse_block, capped by descend(). */
static struct ray_expr *parse_or(struct parser *p)
{
    struct ray_expr *first = NULL, **end = &first;
    do {
        struct ray_expr *operand = parse_and(p);
        if (operand == NULL || p->status != RAY_OK) {
            return NULL;
        }
        *end = operand;
        end = &operand->next;
    } while (accept_word(p, RAY_STR("OR")));
    return row_of(p, RAY_EXPR_NODE_OR, first);
}

enum ray_status ray_expr_parse(struct ray_str text, struct ray_arena *arena,
                               const struct ray_expr **out, struct ray_expr_error *error)
{
    struct parser p = {.text = text, .arena = arena, .error = error};
    if (text.len > RAY_EXPR_MAX_BYTES) {
        fail(&p, RAY_TOO_BIG, RAY_EXPR_MAX_BYTES, "longer than %zu bytes", RAY_EXPR_MAX_BYTES);
        return p.status;
    }
    next(&p);
    if (p.status == RAY_OK && p.token.kind == TOKEN_END) {
        fail(&p, RAY_INVALID, 0, "the expression is empty");
    }
    struct ray_expr *expr = p.status == RAY_OK ? parse_or(&p) : NULL;
    if (p.status == RAY_OK && p.token.kind != TOKEN_END) {
        fail_expected(&p, "AND, OR or the end");
    }
    if (p.status == RAY_OK) {
        *out = expr;
    }
    return p.status;
}
