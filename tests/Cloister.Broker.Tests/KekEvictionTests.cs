using Cloister.Broker.Administration;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Rows;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Broker.Tests;

/// <summary>KEKs that another broker took away leave this one's memory.</summary>
public sealed class KekEvictionTests
{
    private const string Authority = "00112233445566778899aabbccddeeff";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("disabled")]
    [InlineData("to be destroyed")]
    [InlineData("destroyed")]
    public async Task WhatIsNotEnabledIsNotHeld(string what)
    {
        using BrokerFolder folder = new();
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(folder.Database), TimeProvider.System, Cancellation);
        await using WrappedKeys wrapped = await WrappedKeys.OpenAsync(folder.Database, Cancellation);
        await wrapped.UnlockAsync([FileRootKey.Open(folder.RootKeyFile)], Cancellation);
        using RowKey rows = await RowKeys.OpenOrMakeAsync(wrapped, Cancellation);
        await state.AdoptRowsAsync(rows, false, Cancellation);
        await state.AuthenticateAsync(rows, null, problem => throw new InvalidOperationException(problem), Cancellation);
        await using OtherBroker other = await OtherBroker.OpenAsync(folder.Database, Authority, FileRootKey.Open(folder.RootKeyFile), []);
        await other.MakeKekAsync("payments", "a policy");
        await other.MakeKekAsync("other", "a policy");
        await other.RotateAsync("payments");
        await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile), Cancellation);
        KekIdentity[] all = [.. (await state.ListKeksAsync(null, Cancellation)).SelectMany(kek => kek.Versions)
            .Select(version => new KekIdentity(Authority, version.Name, (uint)version.Version, version.Generation))];
        await UseAsync(store, all);
        KekEviction eviction = new(state, [store], Authority, new BrokerLog(NullLogger<BrokerLog>.Instance));
        await eviction.LookAsync(Cancellation);
        Assert.Equal(3, store.InMemory.Count);

        KekIdentity first = all.Single(kek => kek is { Name: "payments", Version: 1 });
        await (what == "disabled"
            ? other.DisableAsync("payments", 1)
            : other.State.ScheduleDestroyAsync("payments", 1, DateTimeOffset.UtcNow.AddDays(what == "destroyed" ? -1 : 1), Cancellation));
        if (what == "destroyed")
        {
            KekVersion due = Assert.Single(await other.State.DueForDestroyAsync(Cancellation));
            await other.State.MarkDestroyedAsync(due.Name, due.Version, Cancellation);
        }

        await eviction.LookAsync(Cancellation);
        Assert.DoesNotContain(first, store.InMemory);
        Assert.Equal(2, store.InMemory.Count);

        // Nor when it is used again, as a restore drill does, without a change.
        await UseAsync(store, [first]);
        Assert.Contains(first, store.InMemory);
        await eviction.LookAsync(Cancellation);
        Assert.DoesNotContain(first, store.InMemory);
    }

    private static async Task UseAsync(DatabaseKeyStore store, IEnumerable<KekIdentity> keks)
    {
        foreach (KekIdentity kek in keks)
        {
            await store.ReleaseAsync(kek, new byte[32], Cancellation);
        }
    }
}
