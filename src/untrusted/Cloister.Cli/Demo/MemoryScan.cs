using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Demo;

/// <summary>
/// Looks for keys in the memory of a process, as a privileged process on the host can: every readable mapping, at every offset, through
/// <c>/proc/PID/mem</c>. Source: proc(5).
/// </summary>
internal sealed class MemoryScan
{
    private const int ChunkSize = 4 * 1024 * 1024;
    private const int KeySize = 32;

    private readonly Dictionary<ulong, List<byte[]>> _byStart = [];
    private readonly bool[] _firstTwo = new bool[65_536];
    private readonly HashSet<byte[]> _found = [];

    /// <summary>Looks for these keys, 32 bytes each.</summary>
    internal MemoryScan(IEnumerable<byte[]> keys)
    {
        foreach (byte[] key in keys)
        {
            ulong start = BitConverter.ToUInt64(key);
            if (!_byStart.TryGetValue(start, out List<byte[]>? same))
            {
                _byStart.Add(start, same = []);
            }

            same.Add(key);
            _firstTwo[BitConverter.ToUInt16(key)] = true;
        }
    }

    /// <summary>How many bytes the last scan read.</summary>
    internal long BytesRead { get; private set; }

    /// <summary>Which keys the last scan found.</summary>
    internal IReadOnlySet<byte[]> Found => _found;

    /// <summary>How many times a key stands in the memory of that process.</summary>
    /// <exception cref="CliException">The process's memory cannot be read by this user.</exception>
    internal int Count(int processId)
    {
        BytesRead = 0;
        _found.Clear();
        int found = 0;
        byte[] buffer = new byte[ChunkSize + KeySize];
        try
        {
            using SafeFileHandle memory = File.OpenHandle($"/proc/{processId}/mem");
            foreach ((long start, long end) in Mappings(processId))
            {
                // Chunks overlap by one key less a byte, so that no key is cut and none is counted twice.
                for (long position = start; position < end;)
                {
                    int wanted = (int)Math.Min(ChunkSize, end - position);
                    int read = Read(memory, buffer.AsSpan(0, wanted), position);
                    if (read <= 0)
                    {
                        break;
                    }

                    BytesRead += read;
                    found += CountIn(buffer.AsSpan(0, read));
                    position += read < wanted || position + read >= end ? read : read - (KeySize - 1);
                }
            }

            return found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the memory of process {processId} cannot be read ({e.Message}): run the demonstration as root, or set kernel.yama.ptrace_scope to 1 or 0");
        }
    }

    private static IEnumerable<(long Start, long End)> Mappings(int processId)
    {
        foreach (string line in File.ReadAllLines($"/proc/{processId}/maps"))
        {
            string[] parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (!parts[1].StartsWith('r') || line.EndsWith("[vvar]", StringComparison.Ordinal) || line.EndsWith("[vsyscall]", StringComparison.Ordinal) || line.EndsWith("[vvar_vclock]", StringComparison.Ordinal))
            {
                continue;
            }

            string[] range = parts[0].Split('-');
            yield return (Hex(range[0]), Hex(range[1]));
        }
    }

    private static long Hex(string text) => long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static int Read(SafeFileHandle memory, Span<byte> buffer, long position)
    {
        try
        {
            return RandomAccess.Read(memory, buffer, position);
        }
        catch (IOException)
        {
            // Reserved, never touched: nothing to read there.
            return 0;
        }
    }

    private int CountIn(ReadOnlySpan<byte> bytes)
    {
        int found = 0;
        for (int i = 0; i + KeySize <= bytes.Length; i++)
        {
            if (!_firstTwo[bytes[i] | (bytes[i + 1] << 8)])
            {
                continue;
            }

            ReadOnlySpan<byte> here = bytes.Slice(i, KeySize);
            if (_byStart.TryGetValue(BitConverter.ToUInt64(here), out List<byte[]>? keys) && Match(keys, here) is { } key)
            {
                _found.Add(key);
                found++;
            }
        }

        return found;
    }

    private static byte[]? Match(List<byte[]> keys, ReadOnlySpan<byte> here)
    {
        foreach (byte[] key in keys)
        {
            if (here.SequenceEqual(key))
            {
                return key;
            }
        }

        return null;
    }
}
