using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Tests.Crypto;

public sealed unsafe partial class KernelRandomTests
{
    private const int Drawn = 24;

    [Fact]
    public void Eight_threads_never_draw_the_same_bytes()
    {
        const int Draws = 100_000;
        ConcurrentDictionary<UInt128, byte> seen = new();
        Parallel.For(0, Draws, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            Span<byte> nonce = stackalloc byte[Drawn];
            KernelRandom.Fill(nonce);
            Assert.True(seen.TryAdd(BinaryPrimitives.ReadUInt128BigEndian(nonce), 0));
            Assert.NotEqual(0UL, BinaryPrimitives.ReadUInt64BigEndian(nonce[16..]));
        });
        Assert.Equal(Draws, seen.Count);
    }

    // A clone of the address space, right after a draw that would have left a supply behind: both then draw what the other does not.
    [Fact]
    public void A_clone_of_the_process_draws_other_bytes()
    {
        byte[] clones = new byte[Drawn];
        byte[] own = new byte[Drawn];
        KernelRandom.Fill(own);
        HashSet<string> seen = [Convert.ToHexString(own)];
        for (int i = 0; i < 12; i++)
        {
            DrawInClone(clones);
            KernelRandom.Fill(own);
            Assert.Contains(clones, b => b != 0);
            Assert.True(seen.Add(Convert.ToHexString(clones)));
            Assert.True(seen.Add(Convert.ToHexString(own)));
        }
    }

    // A byte that is zero in 64 draws was never written.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(100_000)]
    public void Fills_every_byte_of_any_size(int length)
    {
        byte[] combined = new byte[length];
        byte[] drawn = new byte[length];
        for (int i = 0; i < 64; i++)
        {
            KernelRandom.Fill(drawn);
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
        byte[] drawn = new byte[1000];
        long ones = 0;
        for (int i = 0; i < 100; i++)
        {
            KernelRandom.Fill(drawn);
            ones += drawn.Sum(b => int.PopCount(b));
        }

        // 800,000 bits: half, give or take ten standard deviations.
        Assert.InRange(ones, 400_000 - 4500, 400_000 + 4500);
    }

    [Fact]
    public void Numbers_below_stay_below()
    {
        HashSet<long> seen = [];
        for (int i = 0; i < 1000; i++)
        {
            seen.Add(KernelRandom.Below(7));
        }

        Assert.Equal([0, 1, 2, 3, 4, 5, 6], seen.Order());
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRandom.Below(0));
    }

    // The child has this thread only, so it calls nothing that may wait for another one. One that does not write in time is given up and made again.
    private static void DrawInClone(byte[] drawn)
    {
        int* ends = stackalloc int[2];
        byte* buffer = stackalloc byte[Drawn];
        for (int attempt = 0; attempt < 20; attempt++)
        {
            Assert.Equal(0, Pipe(ends));
            int child = Fork();
            if (child == 0)
            {
                KernelRandom.Fill(new Span<byte>(buffer, Drawn));
                Write(ends[1], buffer, Drawn);
                Exit(0);
            }

            Assert.True(child > 0);
            _ = Close(ends[1]);
            PollEntry entry = new() { Descriptor = ends[0], Wanted = 1 };
            bool written = Poll(&entry, 1, 5000) == 1 && Read(ends[0], buffer, Drawn) == Drawn;
            _ = Close(ends[0]);
            _ = Kill(child, 9);
            _ = Wait(child, null, 0);
            if (written)
            {
                new Span<byte>(buffer, Drawn).CopyTo(drawn);
                return;
            }
        }

        Assert.Fail("no clone wrote what it drew");
    }

    [LibraryImport("libc", EntryPoint = "fork")]
    [SuppressGCTransition]
    private static partial int Fork();

    [LibraryImport("libc", EntryPoint = "pipe")]
    private static partial int Pipe(int* ends);

    [LibraryImport("libc", EntryPoint = "write")]
    [SuppressGCTransition]
    private static partial nint Write(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "_exit")]
    [SuppressGCTransition]
    private static partial void Exit(int code);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(PollEntry* entries, ulong count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    private static partial int Wait(int process, int* status, int options);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        internal int Descriptor;
        internal short Wanted;
        internal short Happened;
    }
}
