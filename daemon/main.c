/* main: see cli.h for what the program understands. */
#include "daemon/cli.h"

int main(int argc, char **argv)
{
    return ray_cli_main(argc, argv);
}
