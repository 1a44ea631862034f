using System.Globalization;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Hosting;

/// <summary>What there is for an enclave. secrets: none.</summary>
/// <param name="Heap">Bytes that the collector may use.</param>
/// <param name="Memory">Bytes of heap and everything else.</param>
/// <param name="Threads">Threads.</param>
/// <param name="Descriptors">Open files and sockets.</param>
internal sealed record EnclaveRoom(long Heap, long Memory, long Threads, long Descriptors)
{
    private const long MiB = 1024 * 1024;

    /// <summary>Of this process: a heap limit that is configured, else the memory of machine or container as .NET sees it.</summary>
    internal static EnclaveRoom Here()
    {
        long heap = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        bool limited = GC.GetConfigurationVariables().TryGetValue("GCHeapHardLimit", out object? limit) && Convert.ToInt64(limit, CultureInfo.InvariantCulture) > 0;
        return new EnclaveRoom(heap, limited ? MachineMemory() ?? long.MaxValue : heap, MaxTasks() ?? long.MaxValue, ProcessHardening.RaiseDescriptors());
    }

    internal bool Holds(EnclaveNeeds needs) =>
        needs.Heap <= Heap && needs.Heap + needs.Native <= Memory && needs.Threads <= Threads && needs.Descriptors <= Descriptors;

    /// <summary>What is too little, for people.</summary>
    internal string Against(EnclaveNeeds needs)
    {
        IEnumerable<string> lacking = new (string Name, long Need, long Room, long Unit)[]
        {
            ("MiB of heap", needs.Heap, Heap, MiB), ("MiB of memory", needs.Heap + needs.Native, Memory, MiB),
            ("threads", needs.Threads, Threads, 1), ("descriptors", needs.Descriptors, Descriptors, 1),
        }.Where(one => one.Need > one.Room).Select(one => $"{one.Need / one.Unit} {one.Name} of {one.Room / one.Unit}");
        return string.Join(", ", lacking);
    }

    // Of the machine, or of the enclave where Gramine answers.
    private static long? MachineMemory()
    {
        string? line = Lines("/proc/meminfo").FirstOrDefault(text => text.StartsWith("MemTotal:", StringComparison.Ordinal));
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, { } kib, ..] && long.TryParse(kib, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number * 1024
            : null;
    }

    private static long? MaxTasks()
    {
        string? group = Lines("/proc/self/cgroup").FirstOrDefault(text => text.StartsWith("0::/", StringComparison.Ordinal))?[3..];
        return group is not null && Lines($"/sys/fs/cgroup{group}/pids.max") is [{ } max, ..] && long.TryParse(max, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there, as under Gramine: nothing is known of a limit.
            return [];
        }
    }
}
