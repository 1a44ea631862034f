using Cloister.Attacks.Framework;
using Cloister.Cli;
using Cloister.Cli.Demo;

namespace Cloister.Attacks.Grounds;

/// <summary>The memory of processes as root reads it.</summary>
internal static class ProcessMemory
{
    /// <summary>Whether something of 32 bytes stands in the memory of a process; the attack is skipped where this user may not look.</summary>
    public static bool Has(int process, byte[] bytes) => Found(process, [bytes]).Count > 0;

    /// <summary>Those of some that stand in the memory of a process.</summary>
    public static IReadOnlySet<byte[]> Found(int process, IEnumerable<byte[]> all)
    {
        try
        {
            MemoryScan scan = new(all);
            scan.Count(process);
            return scan.Found;
        }
        catch (CliException e)
        {
            Ground.Skip(e.Message);
            throw;
        }
    }
}
