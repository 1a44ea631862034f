namespace Cloister.Fuzz;

/// <summary>Changes inputs the way files and messages go wrong: bits, bytes, lengths, cuts, repeats, and parts of other inputs.</summary>
internal sealed class Mutator
{
    private const int MaxSize = 128 * 1024;

    private static readonly byte[] Interesting = [0x00, 0x01, 0x0A, 0x10, 0x20, 0x7F, 0x80, 0xFE, 0xFF, (byte)':', (byte)'\n', (byte)'[', (byte)'{', (byte)'&', (byte)'*'];

    private readonly Random _random;

    internal Mutator(int seed)
    {
        _random = new Random(seed);
    }

    /// <summary>Chooses.</summary>
    internal Random Random => _random;

    /// <summary>An input with changes anywhere.</summary>
    internal byte[] Mutate(IReadOnlyList<byte[]> corpus) => Change(Any(corpus), corpus);

    /// <summary>One of several.</summary>
    internal T Any<T>(IReadOnlyList<T> several) => several[_random.Next(several.Count)];

    /// <summary>A copy with changes anywhere.</summary>
    /// <param name="original">What is changed.</param>
    /// <param name="corpus">What parts come from; not empty.</param>
    internal byte[] Change(byte[] original, IReadOnlyList<byte[]> corpus)
    {
        List<byte> bytes = [.. original];
        for (int changes = 1 + _random.Next(6); changes > 0; changes--)
        {
            Change(bytes, corpus);
        }

        return [.. bytes.Take(MaxSize)];
    }

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> corpus)
    {
        int at = bytes.Count == 0 ? 0 : _random.Next(bytes.Count);
        switch (_random.Next(8))
        {
            case 0 when bytes.Count > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when bytes.Count > 0:
                bytes[at] = Interesting[_random.Next(Interesting.Length)];
                break;
            case 2 when bytes.Count > 0:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 3:
                bytes.RemoveRange(at, _random.Next(bytes.Count - at + 1));
                break;
            case 4:
                bytes.InsertRange(at, Enumerable.Repeat(Interesting[_random.Next(Interesting.Length)], 1 + _random.Next(1 << _random.Next(12))));
                break;
            case 5 when bytes.Count > 1 && bytes.Count < MaxSize:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(bytes.Count - at, 1 + _random.Next(256))));
                break;
            case 6:
                byte[] other = corpus[_random.Next(corpus.Count)];
                int from = _random.Next(other.Length + 1);
                bytes.InsertRange(at, other.Skip(from).Take(_random.Next(other.Length - from + 1)));
                break;
            default:
                if (bytes.Count > 1)
                {
                    int second = _random.Next(bytes.Count);
                    (bytes[at], bytes[second]) = (bytes[second], bytes[at]);
                }

                break;
        }
    }
}
