namespace Cloister.Enclave.Tees.Devices;

/// <summary>Errors of Linux on x86-64 that mean something for devices. Source: errno(3). secrets: none.</summary>
internal static class Errno
{
    internal const int NotPermitted = 1;
    internal const int NotFound = 2;
    internal const int Interrupted = 4;
    internal const int InputOutput = 5;
    internal const int NoSuchDevice = 6;
    internal const int TryAgain = 11;
    internal const int NoAccess = 13;
    internal const int Busy = 16;
    internal const int Exists = 17;
    internal const int Invalid = 22;
    internal const int NotThisControl = 25;
    internal const int ReadOnly = 30;
    internal const int TimedOut = 110;
}
