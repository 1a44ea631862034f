using System.Globalization;
using System.Security.Cryptography;
using Cloister.Cli.Offline;
using Cloister.Contracts.Envelope;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Demo;

/// <summary>
/// Finds DEKs where only their user has them: in the memory that a simulated enclave keeps keys in, by trying each on the EDEK that it is
/// to open. For a KEK that nobody can have, so that there is no other way to know the DEKs. Source: proc(5). secrets: the keys that it finds.
/// </summary>
internal sealed class ArenaScan
{
    private const int SlotSize = 32;

    // Mappings that are wiped in a forked child: of an enclave's, those that keys are in.
    private const string WipeOnFork = " wf";

    private readonly List<byte[]> _slots = [];

    /// <summary>Reads the slots that are in use.</summary>
    /// <exception cref="CliException">The process's memory cannot be read by this user.</exception>
    internal ArenaScan(int processId)
    {
        try
        {
            using SafeFileHandle memory = File.OpenHandle($"/proc/{processId}/mem");
            foreach ((long start, long end) in Mappings(processId))
            {
                byte[] bytes = new byte[end - start];
                int read = RandomAccess.Read(memory, bytes, start);
                for (int offset = 0; offset + SlotSize <= read; offset += SlotSize)
                {
                    if (bytes.AsSpan(offset, SlotSize).ContainsAnyExcept((byte)0))
                    {
                        _slots.Add(bytes[offset..(offset + SlotSize)]);
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the memory of process {processId} cannot be read ({e.Message}): run the demonstration as root, or set kernel.yama.ptrace_scope to 1 or 0");
        }
    }

    /// <summary>The DEK of an EDEK, or null.</summary>
    internal byte[]? DekOf(EnvelopeContext context, byte[] edek) => _slots.Find(slot =>
    {
        try
        {
            OfflineEdek.PlaintextWithDek(slot, context, edek);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    });

    private static IEnumerable<(long Start, long End)> Mappings(int processId)
    {
        (long Start, long End) mapping = default;
        foreach (string line in File.ReadLines($"/proc/{processId}/smaps"))
        {
            string first = line.Split(' ', 2)[0];
            if (first.Split('-') is [{ } start, { } end] && long.TryParse(start, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long from))
            {
                mapping = (from, long.Parse(end, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            }
            else if (first == "VmFlags:" && line.Contains(WipeOnFork, StringComparison.Ordinal))
            {
                yield return mapping;
            }
        }
    }
}
