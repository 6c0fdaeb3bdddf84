/* cli: see cli.h. */
#include "daemon/cli.h"

#include "daemon/app.h"
#include "daemon/builtin.h"
#include "daemon/component.h"
#include "daemon/healthcheck_command.h"
#include "daemon/reverse_command.h"
#include "daemon/translate_command.h"
#include "daemon/why_command.h"

#include <stdio.h>
#include <string.h>

#define LIST_MAX      64 /* of --config and of --set */
#define SET_MAX_BYTES 4200u

struct cli {
    const char *configs[LIST_MAX];
    size_t config_count;
    const char *sets[LIST_MAX];
    size_t set_count;
    const char *data_folder;
    const char *port;
    const char *options_uri;
    const char *endpoint;
    const char *operand;
    bool strict, print_effective, reverse, explain, mapping, help;
};

enum flag_kind { FLAG_CONFIG, FLAG_SET, FLAG_TEXT, FLAG_SWITCH };

struct flag {
    const char *name;
    enum flag_kind kind;
    size_t offset; /* in struct cli: const char * or bool */
};

static const struct flag config_flag = {"config", FLAG_CONFIG, 0};
static const struct flag set_flag = {"set", FLAG_SET, 0};
static const struct flag strict_flag = {"strict", FLAG_SWITCH, offsetof(struct cli, strict)};
static const struct flag data_flag = {"data", FLAG_TEXT, offsetof(struct cli, data_folder)};
static const struct flag port_flag = {"port", FLAG_TEXT, offsetof(struct cli, port)};
static const struct flag options_flag = {"options", FLAG_TEXT, offsetof(struct cli, options_uri)};
static const struct flag endpoint_flag = {"endpoint", FLAG_TEXT, offsetof(struct cli, endpoint)};
static const struct flag print_flag = {"print-effective", FLAG_SWITCH,
                                       offsetof(struct cli, print_effective)};
static const struct flag explain_flag = {"explain", FLAG_SWITCH, offsetof(struct cli, explain)};
static const struct flag mapping_flag = {"mapping", FLAG_SWITCH, offsetof(struct cli, mapping)};
static const struct flag reverse_flag = {"reverse", FLAG_SWITCH, offsetof(struct cli, reverse)};
static const struct flag help_flag = {"help", FLAG_SWITCH, offsetof(struct cli, help)};

struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int (*run)(const struct cli *cli);
    bool takes_operand;
    const struct flag *flags[6]; /* ended by NULL */
};

/* --- the commands --- */

static struct ray_config_source source_of(const struct cli *cli)
{
    return (struct ray_config_source){
        .locations = cli->configs,
        .location_count = cli->config_count,
        .sets = cli->sets,
        .set_count = cli->set_count,
    };
}

static int run_collector(const struct cli *cli)
{
    if (cli->config_count == 0) {
        fprintf(stderr, "spanbridge run: no --config; for a start without one: spanbridge local\n");
        return RAY_EXIT_WRONG_CALL;
    }
    struct ray_app_options options = {.source = source_of(cli), .strict = cli->strict};
    return ray_app_run(&options);
}

/* `key` and the value of --data as a quoted YAML scalar, so that any path is one. */
static bool set_folder(const char *key, const char *folder, const char *below,
                       char out[SET_MAX_BYTES])
{
    size_t len = (size_t)snprintf(out, SET_MAX_BYTES, "%s='", key);
    for (const char *c = folder; *c != '\0'; c++) {
        if (len + strlen(below) + 4 > SET_MAX_BYTES) {
            return false;
        }
        out[len++] = *c;
        if (*c == '\'') {
            out[len++] = '\''; /* YAML doubles a quote inside quotes */
        }
    }
    snprintf(out + len, SET_MAX_BYTES - len, "%s'", below);
    return true;
}

static bool is_port(const char *text)
{
    uint64_t port;
    return ray_str_to_u64(ray_str_from(text), &port) == RAY_OK && port <= UINT16_MAX;
}

static int run_local(const struct cli *cli)
{
    char data[SET_MAX_BYTES], queue[SET_MAX_BYTES], port[128];
    const char *sets[LIST_MAX + 3];
    size_t count = 0;
    if (cli->data_folder != NULL) {
        if (!set_folder("exporters.local.directory", cli->data_folder, "", data) ||
            !set_folder("extensions.file_storage.directory", cli->data_folder, "/queue", queue)) {
            fprintf(stderr, "spanbridge local: --data: the path is too long\n");
            return RAY_EXIT_WRONG_CALL;
        }
        sets[count++] = data;
        sets[count++] = queue;
    }
    if (cli->port != NULL) {
        if (!is_port(cli->port)) {
            fprintf(stderr, "spanbridge local: --port '%s': not a port, 0 to 65535\n", cli->port);
            return RAY_EXIT_WRONG_CALL;
        }
        snprintf(port, sizeof(port), "exporters.local.endpoint=127.0.0.1:%s", cli->port);
        sets[count++] = port;
    }
    for (size_t i = 0; i < cli->set_count; i++) {
        sets[count++] = cli->sets[i]; /* last: they win */
    }
    struct ray_app_options options = {
        .source = {.sets = sets,
                   .set_count = count,
                   .builtin_text = ray_builtin_local_yaml,
                   .builtin_name = "local.yaml (built in)"},
    };
    return ray_app_run(&options);
}

static int run_validate(const struct cli *cli)
{
    struct ray_app_options options = {.source = source_of(cli), .strict = cli->strict};
    if (cli->config_count == 0) {
        options.source.builtin_text = ray_builtin_local_yaml;
        options.source.builtin_name = "local.yaml (built in)";
    }
    return ray_app_validate(&options, cli->print_effective);
}

static int run_translate(const struct cli *cli)
{
    const char *file = cli->operand != NULL && strcmp(cli->operand, "-") != 0 ? cli->operand : NULL;
    if (cli->reverse && (cli->options_uri != NULL || cli->explain || cli->mapping)) {
        fprintf(stderr, "spanbridge translate: --reverse goes with neither --options (spans keep "
                        "all, whatever the exporter's keys) nor --explain nor --mapping\n");
        return RAY_EXIT_WRONG_CALL;
    }
    if (cli->reverse) {
        return ray_reverse_command_run(file);
    }
    struct ray_translate_command command = {
        .file = file,
        .options_uri = cli->options_uri,
        .explain = cli->explain,
        .mapping = cli->mapping,
    };
    return ray_translate_command_run(&command);
}

static int run_healthcheck(const struct cli *cli)
{
    return ray_healthcheck_command_run(cli->endpoint ? cli->endpoint : "127.0.0.1:13133");
}

static int run_why(const struct cli *cli)
{
    return ray_why_command_run(cli->endpoint, cli->operand);
}

static void print_section(enum ray_section section)
{
    size_t count;
    const struct ray_component_kind *kinds = ray_component_kinds(&count);
    printf("%s:\n", ray_section_name(section));
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].section == section) {
            printf("  - name: %s\n    help: \"%s\"\n", kinds[i].type, kinds[i].help);
        }
    }
}

/* With a type: its keys, from the table that reads them. */
static int run_components(const struct cli *cli)
{
    if (cli->operand == NULL) {
        for (int section = 0; section < RAY_SECTION_CONNECTOR; section++) {
            print_section((enum ray_section)section);
        }
        return RAY_EXIT_GOOD;
    }
    size_t count;
    const struct ray_component_kind *kinds = ray_component_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kinds[i].type, cli->operand) == 0) {
            struct ray_buf page;
            ray_buf_init(&page, 1u << 20);
            ray_options_describe(kinds[i].table, &page);
            printf("## %s `%s`\n\n%s\n\n%.*s", ray_section_name(kinds[i].section), kinds[i].type,
                   kinds[i].help, RAY_STR_ARG(ray_buf_str(&page)));
            ray_buf_clear(&page);
            return RAY_EXIT_GOOD;
        }
    }
    fprintf(stderr, "spanbridge components: '%s' is not served; see spanbridge components\n",
            cli->operand);
    return RAY_EXIT_FAILED;
}

static const struct command commands[] = {
    {"run",
     "--config URI...",
     "run the collector; URI is a path, file:, env:NAME or yaml:TEXT",
     run_collector,
     false,
     {&config_flag, &set_flag, &strict_flag, &help_flag}},
    {"local",
     "[--data DIR] [--port N]",
     "zero configuration: OTLP in, an X-Ray of your own out",
     run_local,
     false,
     {&data_flag, &port_flag, &set_flag, &help_flag}},
    {"translate",
     "[FILE] [--options URI]",
     "OTLP requests to segment documents, one a line",
     run_translate,
     true,
     {&options_flag, &reverse_flag, &explain_flag, &mapping_flag, &help_flag}},
    {"validate",
     "[--config URI...]",
     "check a configuration; --print-effective shows it merged",
     run_validate,
     false,
     {&config_flag, &set_flag, &strict_flag, &print_flag, &help_flag}},
    {"components",
     "[TYPE]",
     "what a configuration may name, and the keys of a type",
     run_components,
     true,
     {&help_flag}},
    {"why",
     "TRACE_ID",
     "ask a running one what became of a trace",
     run_why,
     true,
     {&endpoint_flag, &help_flag}},
    {"healthcheck",
     "[--endpoint HOST:PORT]",
     "ask a running one; exit 0 when it is ready",
     run_healthcheck,
     false,
     {&endpoint_flag, &help_flag}},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* Commands that the program is to have and this version does not. */
static const char *const later_commands[] = {"daemon", "query", "fleet", "doctor"};

/* --- the line --- */

static void print_usage(FILE *out)
{
    fprintf(out,
            "spanbridge %s: OpenTelemetry traces to AWS X-Ray, or to an X-Ray on this machine\n",
            SPANBRIDGE_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  spanbridge %-11s %-24s %s\n", commands[i].name, commands[i].arguments,
                commands[i].help);
    }
    fprintf(out,
            "  spanbridge --version | --help\n"
            "Start here: spanbridge local, then point an OpenTelemetry SDK at 127.0.0.1:4317.\n");
}

static const struct flag *find_flag(const struct command *command, struct ray_str name)
{
    for (size_t i = 0; command->flags[i] != NULL; i++) {
        if (ray_str_eq(ray_str_from(command->flags[i]->name), name)) {
            return command->flags[i];
        }
    }
    return NULL;
}

static bool append(const char **list, size_t *count, const char *value)
{
    if (*count == LIST_MAX) {
        return false;
    }
    list[(*count)++] = value;
    return true;
}

/* False: one too many, or a switch that is neither true nor false. */
static bool store_flag(struct cli *cli, const struct flag *flag, const char *value)
{
    char *field = (char *)cli + flag->offset;
    switch (flag->kind) {
    case FLAG_CONFIG:
        return append(cli->configs, &cli->config_count, value);
    case FLAG_SET:
        return append(cli->sets, &cli->set_count, value);
    case FLAG_TEXT:
        memcpy(field, &value, sizeof(value));
        return true;
    case FLAG_SWITCH:
        value = value != NULL ? value : "true";
        *(bool *)field = strcmp(value, "true") == 0;
        return *(bool *)field || strcmp(value, "false") == 0;
    }
    return false;
}

static int wrong_call(const struct command *command, const char *what, const char *argument)
{
    fprintf(stderr, "spanbridge %s: %s '%s'; see spanbridge --help\n", command->name, what,
            argument);
    return RAY_EXIT_WRONG_CALL;
}

/* One flag at argv[at]; *used says how many words it took. RAY_EXIT_GOOD when it was taken. */
static int parse_flag(const struct command *command, char **argv, int left, struct cli *cli,
                      int *used)
{
    const char *word = argv[0] + (argv[0][1] == '-' ? 2 : 1);
    const char *equals = strchr(word, '=');
    struct ray_str name = {word, equals ? (size_t)(equals - word) : strlen(word)};
    const struct flag *flag = find_flag(command, name);
    const char *value = equals ? equals + 1 : NULL;
    *used = 1;
    if (flag == NULL) {
        return wrong_call(command, "unknown flag", argv[0]);
    }
    if (value == NULL && flag->kind != FLAG_SWITCH) {
        if (left < 2) {
            return wrong_call(command, "a value is missing behind", argv[0]);
        }
        value = argv[1];
        *used = 2;
    }
    if (!store_flag(cli, flag, value)) {
        return wrong_call(command,
                          flag->kind == FLAG_SWITCH ? "neither true nor false:" : "too many of",
                          argv[0]);
    }
    return RAY_EXIT_GOOD;
}

static int parse(const struct command *command, int argc, char **argv, struct cli *cli)
{
    for (int at = 0; at < argc;) {
        int used = 1;
        if (argv[at][0] == '-' && argv[at][1] != '\0') {
            int status = parse_flag(command, argv + at, argc - at, cli, &used);
            if (status != RAY_EXIT_GOOD) {
                return status;
            }
        } else if (command->takes_operand && cli->operand == NULL) {
            cli->operand = argv[at];
        } else {
            return wrong_call(command, "what is", argv[at]);
        }
        at += used;
    }
    return RAY_EXIT_GOOD;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct cli cli = {0};
    int status = parse(command, argc, argv, &cli);
    if (status != RAY_EXIT_GOOD) {
        return status;
    }
    if (cli.help) {
        printf("spanbridge %s %s\n  %s\n", command->name, command->arguments, command->help);
        for (size_t i = 0; command->flags[i] != NULL; i++) {
            printf("  --%s\n", command->flags[i]->name);
        }
        return RAY_EXIT_GOOD;
    }
    return command->run(&cli);
}

static int unknown_command(const char *name)
{
    for (size_t i = 0; i < sizeof(later_commands) / sizeof(later_commands[0]); i++) {
        if (strcmp(name, later_commands[i]) == 0) {
            fprintf(stderr, "spanbridge %s: not served by version %s yet; see spanbridge --help\n",
                    name, SPANBRIDGE_VERSION);
            return RAY_EXIT_WRONG_CALL;
        }
    }
    fprintf(stderr, "spanbridge: '%s' is not a command; see spanbridge --help\n", name);
    return RAY_EXIT_WRONG_CALL;
}

int ray_cli_main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return RAY_EXIT_WRONG_CALL;
    }
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0 || strcmp(first, "-version") == 0) {
        printf("spanbridge %s\n", SPANBRIDGE_VERSION);
        return RAY_EXIT_GOOD;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-help") == 0 || strcmp(first, "-h") == 0) {
        print_usage(stdout);
        return RAY_EXIT_GOOD;
    }
    if (first[0] == '-') {
        return run_command(&commands[0], argc - 1, argv + 1); /* `run` may be left out */
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(first, commands[i].name) == 0) {
            return run_command(&commands[i], argc - 2, argv + 2);
        }
    }
    return unknown_command(first);
}
