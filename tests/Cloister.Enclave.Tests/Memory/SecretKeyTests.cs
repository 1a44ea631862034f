using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Memory;

public sealed class SecretKeyTests : IDisposable
{
    // The first slot that a fresh arena hands out.
    private const int FirstSlot = 0;

    private readonly SecretArena _arena = new(256);

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void TakeOver_copies_the_key_and_wipes_its_source()
    {
        byte[] source = TestKeys.Filled(0x5A);
        using SecretKey key = SecretKey.TakeOver(_arena, source);
        Assert.Equal(new byte[32], source);
        Assert.Equal(TestKeys.Filled(0x5A), Read(key));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void TakeOver_refuses_another_length_and_takes_no_slot(int length)
    {
        Assert.Throws<ArgumentException>(() => SecretKey.TakeOver(_arena, new byte[length]));
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void Disposing_wipes_the_memory()
    {
        SecretKey key = SecretKey.TakeOver(_arena, TestKeys.Filled(0x5A));
        Assert.Equal(TestKeys.Filled(0x5A), _arena.Slot(FirstSlot).ToArray());
        key.Dispose();
        Assert.Equal(new byte[32], _arena.Slot(FirstSlot).ToArray());
        Assert.Throws<ObjectDisposedException>(() => Read(key));
    }

    [Fact]
    public void A_key_disposed_under_a_caller_is_wiped_when_the_caller_leaves()
    {
        SecretKey key = SecretKey.TakeOver(_arena, TestKeys.Filled(0x5A));
        byte[] seen = key.Use(key, static (bytes, self) =>
        {
            self.Dispose();
            Assert.Throws<ObjectDisposedException>(() => Read(self));
            return bytes.ToArray();
        });
        Assert.Equal(TestKeys.Filled(0x5A), seen);
        Assert.Equal(new byte[32], _arena.Slot(FirstSlot).ToArray());
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public async Task Of_several_callers_inside_the_last_one_to_leave_wipes()
    {
        SecretKey key = SecretKey.TakeOver(_arena, TestKeys.Filled(0x5A));
        using Barrier inside = new(3);
        using ManualResetEventSlim first = new();
        using ManualResetEventSlim second = new();
        Task one = Task.Run(() => key.Use((inside, first), Wait), TestContext.Current.CancellationToken);
        Task two = Task.Run(() => key.Use((inside, second), Wait), TestContext.Current.CancellationToken);
        inside.SignalAndWait(TestContext.Current.CancellationToken);
        key.Dispose();
        first.Set();
        await one;
        Assert.Equal(TestKeys.Filled(0x5A), _arena.Slot(FirstSlot).ToArray());
        second.Set();
        await two;
        Assert.Equal(new byte[32], _arena.Slot(FirstSlot).ToArray());
    }

    [Fact]
    public void A_caller_that_throws_lets_go_of_the_key()
    {
        SecretKey key = SecretKey.TakeOver(_arena, TestKeys.Filled(0x5A));
        Assert.Throws<InvalidDataException>(() => key.Use<int, int>(0, static (_, _) => throw new InvalidDataException()));
        key.Dispose();
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void Disposing_twice_returns_the_slot_once()
    {
        SecretKey key = SecretKey.Generate(_arena);
        key.Dispose();
        using SecretKey next = SecretKey.TakeOver(_arena, TestKeys.Filled(1));
        key.Dispose();
        Assert.Equal(1, _arena.InUse);
        Assert.Equal(TestKeys.Filled(1), Read(next));
    }

    [Fact]
    public void ToString_shows_no_bytes()
    {
        using SecretKey key = SecretKey.TakeOver(_arena, "0123456789abcdef0123456789abcdef"u8.ToArray());
        Assert.Equal("SecretKey (32 bytes)", key.ToString());
    }

    // Eight threads use, dispose and replace shared keys. Whoever gets in sees a whole key; in the end every slot is free and zero.
    [Fact]
    public void Storm()
    {
        SecretKey[] shared = [.. Enumerable.Range(0, 16).Select(i => SecretKey.TakeOver(_arena, TestKeys.Filled((byte)(i + 1))))];
        long used = 0;
        long refused = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            Random random = new(thread);
            for (int i = 0; i < 20_000; i++)
            {
                int index = random.Next(shared.Length);
                if (random.Next(8) == 0)
                {
                    SecretKey fresh = SecretKey.TakeOver(_arena, TestKeys.Filled((byte)(random.Next(255) + 1)));
                    Interlocked.Exchange(ref shared[index], fresh).Dispose();
                    continue;
                }

                try
                {
                    bool whole = Volatile.Read(ref shared[index]).Use(0, static (bytes, _) => bytes[0] != 0 && !bytes.ContainsAnyExcept(bytes[0]));
                    Assert.True(whole);
                    Interlocked.Increment(ref used);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        });

        Assert.Equal(shared.Length, _arena.InUse);
        Array.ForEach(shared, key => key.Dispose());
        Assert.Equal(0, _arena.InUse);
        for (int slot = 0; slot < _arena.Capacity; slot++)
        {
            Assert.False(_arena.Slot(slot).ContainsAnyExcept((byte)0));
        }

        Assert.True(used > refused, $"{used} uses, {refused} refused");
    }

    private static byte[] Read(SecretKey key) => key.Use(0, static (bytes, _) => bytes.ToArray());

    private static bool Wait(ReadOnlySpan<byte> key, (Barrier Inside, ManualResetEventSlim Leave) state)
    {
        state.Inside.SignalAndWait();
        state.Leave.Wait();
        return true;
    }
}
