using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

public sealed class DekCacheTests : IDisposable
{
    private static readonly KeyFingerprint Kek = new(new byte[KeyFingerprint.Size]);

    private readonly SecretArena _arena = new(1024);

    public void Dispose() => _arena.Dispose();

    [Fact]
    public async Task The_least_recently_used_DEK_goes_first_and_is_wiped()
    {
        using DekCache cache = new(3);
        SecretKey[] deks = [.. Enumerable.Range(0, 4).Select(i => Dek((byte)(i + 1)))];
        for (byte i = 0; i < 3; i++)
        {
            cache.Put(Kek, [i], deks[i]);
        }

        Assert.Same(deks[0], await cache.GetAsync(Kek, [0], NoFetch, Stop));
        cache.Put(Kek, [3], deks[3]);

        Assert.Equal(3, cache.Count);
        Assert.Equal(3, _arena.InUse);
        Assert.Throws<ObjectDisposedException>(() => First(deks[1]));
        foreach (byte i in (byte[])[0, 2, 3])
        {
            Assert.Same(deks[i], await cache.GetAsync(Kek, [i], NoFetch, Stop));
            Assert.Equal(i + 1, First(deks[i]));
        }
    }

    [Fact]
    public void An_evicted_DEK_is_not_wiped_under_a_caller_that_uses_it()
    {
        using DekCache cache = new(1);
        SecretKey leased = Dek(5);
        cache.Put(Kek, [0], leased);
        byte[] seen = leased.Use((cache, other: Dek(6)), static (bytes, state) =>
        {
            state.cache.Put(Kek, [1], state.other);
            return bytes.ToArray();
        });
        Assert.Equal(TestKeys.Filled(5), seen);
        Assert.Throws<ObjectDisposedException>(() => First(leased));
        Assert.Equal(1, _arena.InUse);
    }

    [Fact]
    public async Task Callers_that_miss_the_same_DEK_share_one_fetch()
    {
        using DekCache cache = new(16);
        TaskCompletionSource<SecretKey> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int fetches = 0;
        Task<SecretKey>[] callers = [.. Enumerable.Range(0, 64).Select(_ => Task.Run(
            () => cache.GetAsync(Kek, "same"u8, () =>
            {
                Interlocked.Increment(ref fetches);
                return answer.Task;
            }, Stop).AsTask(),
            Stop))];
        await Eventually.TrueAsync(() => Volatile.Read(ref fetches) == 1, "the fetch");
        answer.SetResult(Dek(9));
        SecretKey[] got = await Task.WhenAll(callers);

        Assert.Equal(1, fetches);
        Assert.All(got, dek => Assert.Same(got[0], dek));
        Assert.Equal(9, First(await cache.GetAsync(Kek, "same"u8, NoFetch, Stop)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_failed_fetch_is_not_kept(bool atOnce)
    {
        using DekCache cache = new(16);
        TaskCompletionSource<SecretKey> answer = new();
        Func<Task<SecretKey>> fetch = atOnce ? () => throw new InvalidDataException() : () => answer.Task;
        Task<SecretKey> first = cache.GetAsync(Kek, "x"u8, fetch, Stop).AsTask();
        answer.TrySetException(new InvalidDataException());
        await Assert.ThrowsAsync<InvalidDataException>(() => first);
        Assert.Equal(0, cache.Count);
        Assert.Equal(4, First(await cache.GetAsync(Kek, "x"u8, () => Task.FromResult(Dek(4)), Stop)));
        Assert.Equal(1, cache.Count);
    }

    [Fact]
    public async Task A_caller_that_gives_up_does_not_end_the_fetch_of_the_others()
    {
        using DekCache cache = new(16);
        TaskCompletionSource<SecretKey> answer = new();
        using CancellationTokenSource impatient = new();
        Task<SecretKey> gone = cache.GetAsync(Kek, "x"u8, () => answer.Task, impatient.Token).AsTask();
        Task<SecretKey> patient = cache.GetAsync(Kek, "x"u8, NoFetch, Stop).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        answer.SetResult(Dek(3));
        Assert.Equal(3, First(await patient));
        Assert.Equal(1, cache.Count);
    }

    [Fact]
    public async Task What_is_fetched_while_the_cache_is_cleared_is_wiped_and_not_kept()
    {
        using DekCache cache = new(16);
        TaskCompletionSource<SecretKey> answer = new();
        Task<SecretKey> caller = cache.GetAsync(Kek, "x"u8, () => answer.Task, Stop).AsTask();
        cache.Put(Kek, "y"u8, Dek(1));
        cache.Clear();
        answer.SetResult(Dek(2));
        SecretKey dek = await caller;
        Assert.Throws<ObjectDisposedException>(() => First(dek));
        Assert.Equal(0, cache.Count);
        Assert.Equal(0, _arena.InUse);
        Assert.Equal(3, First(await cache.GetAsync(Kek, "x"u8, () => Task.FromResult(Dek(3)), Stop)));
    }

    [Fact]
    public async Task The_same_wrapped_bytes_under_another_KEK_are_another_DEK()
    {
        using DekCache cache = new(16);
        byte[] other = new byte[KeyFingerprint.Size];
        other[15] = 1;
        cache.Put(Kek, "x"u8, Dek(1));
        cache.Put(new KeyFingerprint(other), "x"u8, Dek(2));
        Assert.Equal(1, First(await cache.GetAsync(Kek, "x"u8, NoFetch, Stop)));
        Assert.Equal(2, First(await cache.GetAsync(new KeyFingerprint(other), "x"u8, NoFetch, Stop)));
    }

    [Fact]
    public async Task A_DEK_that_is_there_already_stays_and_the_second_copy_is_wiped()
    {
        using DekCache cache = new(16);
        SecretKey first = Dek(1);
        SecretKey second = Dek(1);
        cache.Put(Kek, "x"u8, first);
        cache.Put(Kek, "x"u8, second);
        Assert.Throws<ObjectDisposedException>(() => First(second));
        Assert.Same(first, await cache.GetAsync(Kek, "x"u8, NoFetch, Stop));
    }

    // Eight threads over six times as many DEKs as fit, with evictions and clearings. Whoever can use a DEK has the right one.
    [Fact]
    public async Task Soak()
    {
        const int Capacity = 32;
        using DekCache cache = new(Capacity);
        long right = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(
            async () =>
            {
                Random random = new(thread);
                for (int i = 0; i < 5000; i++)
                {
                    byte name = (byte)random.Next(1, 6 * Capacity);
                    if (random.Next(500) == 0)
                    {
                        cache.Clear();
                    }

                    SecretKey dek = await cache.GetAsync(Kek, [name], () => FetchAsync(name, yields: random.Next(2) == 0), Stop);
                    try
                    {
                        Assert.Equal(TestKeys.Filled(name), dek.Use(0, static (bytes, _) => bytes.ToArray()));
                        Interlocked.Increment(ref right);
                    }
                    catch (ObjectDisposedException)
                    {
                        // Evicted or cleared in between.
                    }
                }
            },
            Stop)));

        Assert.InRange(cache.Count, 1, Capacity);
        Assert.Equal(cache.Count, _arena.InUse);
        Assert.True(right > 8 * 5000 / 2, $"only {right} uses found their DEK");
        cache.Dispose();
        Assert.Equal(0, _arena.InUse);
        for (int slot = 0; slot < _arena.Capacity; slot++)
        {
            Assert.False(_arena.Slot(slot).ContainsAnyExcept((byte)0));
        }
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task<SecretKey> NoFetch() => throw new InvalidOperationException("a DEK that should be in the cache was fetched");

    private static int First(SecretKey key) => key.Use(0, static (bytes, _) => (int)bytes[0]);

    private async Task<SecretKey> FetchAsync(byte name, bool yields)
    {
        if (yields)
        {
            await Task.Yield();
        }

        return Dek(name);
    }

    private SecretKey Dek(byte value) => SecretKey.TakeOver(_arena, TestKeys.Filled(value));
}
