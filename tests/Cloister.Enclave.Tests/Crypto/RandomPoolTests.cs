using System.Buffers.Binary;
using System.Collections.Concurrent;
using Cloister.Enclave.Crypto;

namespace Cloister.Enclave.Tests.Crypto;

public sealed class RandomPoolTests
{
    [Fact]
    public void Eight_threads_never_draw_the_same_bytes()
    {
        const int Draws = 100_000;
        RandomPool pool = new();
        ConcurrentDictionary<UInt128, byte> seen = new();
        Parallel.For(0, Draws, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            Span<byte> nonce = stackalloc byte[24];
            pool.Fill(nonce);
            Assert.True(seen.TryAdd(BinaryPrimitives.ReadUInt128BigEndian(nonce), 0));
            Assert.NotEqual(0UL, BinaryPrimitives.ReadUInt64BigEndian(nonce[16..]));
        });
        Assert.Equal(Draws, seen.Count);
    }

    // Around the pool's own size and the limit above which it steps aside; a byte that is zero in 64 draws was never written.
    [Theory]
    [InlineData(1)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(100_000)]
    public void Fills_every_byte_of_any_size(int length)
    {
        RandomPool pool = new();
        byte[] combined = new byte[length];
        byte[] drawn = new byte[length];
        for (int i = 0; i < 64; i++)
        {
            pool.Fill(drawn);
            for (int j = 0; j < length; j++)
            {
                combined[j] |= drawn[j];
            }
        }

        Assert.DoesNotContain((byte)0, combined);
    }

    [Fact]
    public void Bits_are_about_even()
    {
        RandomPool pool = new();
        byte[] drawn = new byte[1000];
        long ones = 0;
        for (int i = 0; i < 100; i++)
        {
            pool.Fill(drawn);
            ones += drawn.Sum(b => int.PopCount(b));
        }

        // 800,000 bits: half, give or take ten standard deviations.
        Assert.InRange(ones, 400_000 - 4500, 400_000 + 4500);
    }
}
