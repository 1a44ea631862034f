using Cloister.Enclave.Base;

namespace Cloister.Enclave.Keys.Memory;

/// <summary>
/// Keeps the process's memory to itself: no core dumps, not readable through ptrace by its own user, locked against swapping as
/// far as the system allows. What came of it is reported, since it depends on limits. Source: prctl(2), setrlimit(2), mlockall(2).
/// secrets: none.
/// </summary>
public static unsafe class ProcessHardening
{
    /// <summary>The line for an enclave whose library OS answers these calls and does nothing: the processor keeps its memory.</summary>
    public const string EncryptedMemory = "encrypted by the processor: what the host swaps or dumps is ciphertext; locks and limits do not count here; keys wiped on release";

    /// <summary>Applies what can be applied.</summary>
    /// <param name="arena">The memory that holds keys.</param>
    /// <param name="leaveReadable">Leaves the process readable by its own user; for the simulated TEE, whose memory demonstrations scan.</param>
    /// <returns>One line that says what is protected and what is not, and how to get there.</returns>
    public static string Apply(SecretArena arena, bool leaveReadable)
    {
        LibC.ResourceLimit none = default;
        bool noCore = LibC.SetLimit(LibC.LimitCore, &none) == 0;
        bool notDumpable = !leaveReadable && LibC.ProcessControl(LibC.SetDumpable, 0, 0, 0, 0) == 0;
        bool allLocked = LibC.LockAll(LibC.LockCurrentAndFutureOnFault) == 0;

        List<string> report =
        [
            arena.IsLocked ? "keys locked in memory" : $"KEYS NOT LOCKED IN MEMORY (raise the memlock limit, now {MemlockLimit()})",
            allLocked ? "whole process locked" : $"rest of the process not locked (memlock limit {MemlockLimit()})",
            arena.IsExcludedFromDumps && noCore ? "no core dumps" : "CORE DUMPS POSSIBLE",
            notDumpable ? "not traceable by its user" : "READABLE BY ITS USER",
            "keys wiped on release",
        ];
        return string.Join(", ", report);
    }

    /// <summary>Raises the limit of open files and sockets as far as it goes, for .NET leaves it at what a service is given.</summary>
    /// <returns>The limit.</returns>
    internal static long RaiseDescriptors()
    {
        LibC.ResourceLimit limit = default;
        LibC.GetLimit(LibC.LimitDescriptors, &limit);
        LibC.ResourceLimit raised = new() { Current = limit.Maximum, Maximum = limit.Maximum };
        return (long)Math.Min(LibC.SetLimit(LibC.LimitDescriptors, &raised) == 0 ? limit.Maximum : limit.Current, long.MaxValue);
    }

    private static string MemlockLimit()
    {
        LibC.ResourceLimit limit = default;
        LibC.GetLimit(LibC.LimitMemlock, &limit);
        return limit.Current == ulong.MaxValue ? "unlimited" : $"{limit.Current / 1024} KiB";
    }
}
