/* Ends what was defined to read ops.def. */
#undef CAP_GET
#undef CAP_WITH
#undef CAP_ONE
#undef CAP_TWO
#undef CAP_COMPARE
#undef CAP_LENGTH
