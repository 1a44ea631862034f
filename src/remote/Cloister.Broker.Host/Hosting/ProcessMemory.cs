using System.Runtime.InteropServices;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// Keeps the process's memory to itself, whoever starts it: no core dumps, not readable through ptrace by its own user, nothing of it swapped as far as
/// the limits allow. Source: prctl(2), setrlimit(2), mlockall(2), proc_swaps(5). secrets: none.
/// </summary>
internal static unsafe partial class ProcessMemory
{
    private const int LockCurrentAndFutureOnFault = 7;
    private const int SetDumpable = 4;
    private const int LimitCore = 4;
    private const int LimitMemlock = 8;

    /// <summary>Applies what can be applied.</summary>
    /// <returns>One line that says what is protected and what is not, and whether all is.</returns>
    public static (string Line, bool IsComplete) Protect()
    {
        ResourceLimit none = default;
        bool noCore = SetLimit(LimitCore, &none) == 0;
        bool notDumpable = ProcessControl(SetDumpable, 0, 0, 0, 0) == 0;
        bool allLocked = LockAll();
        bool noSwap = !HasSwap();
        string[] report =
        [
            allLocked ? "whole process locked in memory" : noSwap ? "process not locked in memory, and the machine has no swap" : $"KEYS MAY BE SWAPPED (raise the memlock limit, now {Memlock()}, or turn swap off)",
            noCore ? "no core dumps" : "CORE DUMPS POSSIBLE",
            notDumpable ? "not traceable by its user" : "READABLE BY ITS USER",
            "keys wiped when out of use",
        ];
        return (string.Join(", ", report), (allLocked || noSwap) && noCore && notDumpable);
    }

    // Under a limit that is lower than what the runtime reserves, locking what is yet to come would let allocations fail: then nothing is locked here,
    // and the pages of keys are by themselves.
    private static bool LockAll()
    {
        ResourceLimit limit = default;
        if (GetLimit(LimitMemlock, &limit) == 0)
        {
            limit.Current = limit.Maximum;
            _ = SetLimit(LimitMemlock, &limit);
        }

        return LockAll(LockCurrentAndFutureOnFault) == 0;
    }

    private static bool HasSwap()
    {
        try
        {
            return File.ReadLines("/proc/swaps").Skip(1).Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static string Memlock()
    {
        ResourceLimit limit = default;
        _ = GetLimit(LimitMemlock, &limit);
        return limit.Current == ulong.MaxValue ? "unlimited" : $"{limit.Current / 1024} KiB";
    }

    [LibraryImport("libc", EntryPoint = "mlockall", SetLastError = true)]
    private static partial int LockAll(int flags);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nuint argument, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ResourceLimit* limit);

    // struct rlimit of 64-bit Linux.
    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Current;
        public ulong Maximum;
    }
}
