using System.Diagnostics;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Tests.Hostile;

/// <summary>
/// Deterministic mutation of seeds: flips, settings to interesting values, cuts, insertions, repetitions, exchanges between seeds, and noise. The same number gives the same inputs.
/// </summary>
internal sealed class MutationLoop
{
    private const int MaximumLength = 128 * 1024;

    private static readonly byte[] Interesting = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x30, 0x04, 0x02, 0x9F, 0xBF, 0x5F, (byte)'{', (byte)'[', (byte)'"', (byte)'\\', (byte)'-'];

    private readonly byte[][] _seeds;
    private readonly Random _random;

    public MutationLoop(int seed, params byte[][] seeds)
    {
        _seeds = seeds;
        _random = new Random(seed);
    }

    /// <summary>How many inputs were tried.</summary>
    public int Rounds { get; private set; }

    /// <summary>Runs <paramref name="target"/> on mutated seeds. It must not throw, and not take longer than two seconds for an input.</summary>
    public void Run(TimeSpan duration, Action<byte[]> target)
    {
        Stopwatch total = Stopwatch.StartNew();
        while (total.Elapsed < duration)
        {
            byte[] input = Next();

            // A busy machine is not a slow parser: an input must be slow again and again.
            int attempts = 0;
            while (Time(input, target) > TimeSpan.FromSeconds(2))
            {
                Assert.True(++attempts < 5, $"round {Rounds} is slow\ninput: {Convert.ToBase64String(input)}");
            }

            Rounds++;
        }
    }

    /// <summary>Runs a parser: malformed input is refused by the one exception that says so.</summary>
    public static void Refuses<T>(Func<T> parse)
    {
        try
        {
            parse();
        }
        catch (EvidenceFormatException e)
        {
            Assert.NotEmpty(e.Field);
            Assert.True(e.Offset >= 0);
        }
    }

    private TimeSpan Time(byte[] input, Action<byte[]> target)
    {
        long before = Stopwatch.GetTimestamp();
        try
        {
            target(input);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"round {Rounds}: {e.GetType().Name}: {e.Message}\n{e.StackTrace}\ninput: {Convert.ToBase64String(input)}");
        }

        return Stopwatch.GetElapsedTime(before);
    }

    private byte[] Next()
    {
        if (_random.Next(50) == 0)
        {
            byte[] noise = new byte[_random.Next(2048)];
            _random.NextBytes(noise);
            return noise;
        }

        List<byte> bytes = [.. _seeds[_random.Next(_seeds.Length)]];
        for (int i = _random.Next(1, 6); i > 0 && bytes.Count > 0 && bytes.Count < MaximumLength; i--)
        {
            Mutate(bytes);
        }

        return [.. bytes];
    }

    private void Mutate(List<byte> bytes)
    {
        int at = _random.Next(bytes.Count);
        int length = Math.Min(_random.Next(1, 33), bytes.Count - at);
        switch (_random.Next(8))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                bytes[at] = Interesting[_random.Next(Interesting.Length)];
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Enumerable.Repeat(Interesting[_random.Next(Interesting.Length)], _random.Next(1, 300)));
                break;
            case 5:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 6:
                byte[] other = _seeds[_random.Next(_seeds.Length)];
                int from = _random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(length, other.Length - from)).ToArray());
                break;
            default:
                // A declared length or a number: two or four bytes at once.
                for (int i = 0; i < Math.Min(_random.Next(2) == 0 ? 2 : 4, length); i++)
                {
                    bytes[at + i] = _random.Next(3) == 0 ? (byte)0xFF : (byte)_random.Next(256);
                }

                break;
        }
    }
}
