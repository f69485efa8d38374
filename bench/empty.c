/* empty - does nothing, with the libraries that seedops has: what the loader costs before main (bench/run, --version). */
int main(void)
{
    return 0;
}
