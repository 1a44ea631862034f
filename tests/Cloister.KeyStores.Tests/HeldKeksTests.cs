using Cloister.Contracts.Keys;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Tests.Stores;
using Cloister.Xaes;

namespace Cloister.KeyStores.Tests;

/// <summary>How long KEKs are in the memory of a broker, and on which pages.</summary>
public sealed class HeldKeksTests : IDisposable
{
    private static readonly KekIdentity Kek = new(new string('a', 32), "main", 1, new string('b', 32));

    private readonly TestFolder _folder = new();
    private readonly StepClock _clock = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_KEK_that_nobody_uses_is_wiped_and_opened_again_when_somebody_does()
    {
        await using DatabaseKeyStore store = await OpenAsync();
        await store.CreateAsync(Kek, Stop);
        byte[] first = new byte[32];
        await store.ReleaseAsync(Kek, first, Stop);
        _clock.Advance(TimeSpan.FromMinutes(9));
        await store.ReleaseAsync(Kek, first, Stop);
        _clock.Advance(TimeSpan.FromMinutes(9));
        await store.SweepAsync(Stop);
        Assert.Equal(1, store.HeldCount);
        _clock.Advance(TimeSpan.FromMinutes(2));
        await store.SweepAsync(Stop);
        Assert.Equal(0, store.HeldCount);
        byte[] again = new byte[32];
        await store.ReleaseAsync(Kek, again, Stop);
        Assert.Equal(first, again);
    }

    [Fact]
    public async Task A_KEK_that_another_broker_destroyed_is_wiped_here()
    {
        await using DatabaseKeyStore store = await OpenAsync();
        await using DatabaseKeyStore other = await OpenAsync();
        await store.CreateAsync(Kek, Stop);
        await store.ReleaseAsync(Kek, new byte[32], Stop);
        await other.DestroyAsync(Kek, Stop);
        await store.SweepAsync(Stop);
        Assert.Equal(0, store.HeldCount);
        Assert.Equal(KeyStoreFailure.Unknown, (await Assert.ThrowsAsync<KeyStoreException>(() => store.ReleaseAsync(Kek, new byte[32], Stop))).Failure);
    }

    [Fact]
    public void Keys_are_on_locked_pages()
    {
        using XaesKey key = new(new byte[32]);
        string locked = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmLck:", StringComparison.Ordinal));
        Assert.True(long.Parse(locked["VmLck:".Length..^"kB".Length]) > 0, locked);
    }

    public void Dispose() => _folder.Dispose();

    private async Task<DatabaseKeyStore> OpenAsync()
    {
        WrappedKeys wrapped = await WrappedKeys.OpenAsync($"sqlite:{_folder.File("keys.db")}", Stop);
        await wrapped.UnlockAsync([FileRootKey.Open(_folder.File("UNPROTECTED-root.key"))], Stop);
        return new DatabaseKeyStore(wrapped, _clock);
    }

    private sealed class StepClock : TimeProvider
    {
        private long _now = TimeSpan.FromDays(1).Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
