using Cloister.Broker.Administration;
using Cloister.Broker.State;
using Cloister.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Administration on the database of a running broker, from this process.</summary>
internal sealed class OtherBroker : IAsyncDisposable
{
    private static readonly Administrator Alice = new("alice", AdministratorRole.Operator | AdministratorRole.KeyCustodian | AdministratorRole.Auditor);

    private readonly List<IKeyStore> _stores;
    private readonly BrokerAdministration _administration;

    private OtherBroker(SqlBrokerState state, List<IKeyStore> stores, string authority)
    {
        State = state;
        _stores = stores;
        _administration = new BrokerAdministration(state, stores.ToDictionary(store => store.Kind), authority, _ => [], TimeProvider.System);
    }

    public SqlBrokerState State { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<OtherBroker> OpenAsync(string database, string authority, IRootKey root, IEnumerable<IKeyStore> stores)
    {
        SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(database), TimeProvider.System, CancellationToken.None);
        WrappedKeys wrapped = await WrappedKeys.OpenAsync(database, CancellationToken.None);
        await wrapped.UnlockAsync([root], CancellationToken.None);
        await state.AuthenticateAsync(await RowKeys.FindAsync(wrapped, CancellationToken.None), null, _ => { }, CancellationToken.None);
        return new OtherBroker(state, [new DatabaseKeyStore(wrapped), .. stores], authority);
    }

    /// <summary>Accepts what the database has, as an operator would with --accept-rows; no broker runs on it.</summary>
    public static async Task AcceptRowsAsync(string database, IRootKey root)
    {
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(database), TimeProvider.System, CancellationToken.None);
        await using WrappedKeys wrapped = await WrappedKeys.OpenAsync(database, CancellationToken.None);
        await wrapped.UnlockAsync([root], CancellationToken.None);
        using RowKey key = await RowKeys.FindAsync(wrapped, CancellationToken.None);
        await state.AcceptRowsAsync(key, null, (await state.CompareRowsAsync(key, null, CancellationToken.None)).Digest, CancellationToken.None);
    }

    /// <summary>Makes a KEK with a policy of the same name.</summary>
    public async Task MakeKekAsync(string name, string policy, bool release = true, string store = "database")
    {
        await SetPolicyAsync(name, policy);
        await _administration.CreateKekAsync(Alice, new KekRecord(name, "c1", store, name, release, DateTimeOffset.UnixEpoch), Cancellation);
    }

    public Task SetPolicyAsync(string name, string policy) => _administration.SetPolicyAsync(Alice, name, policy, Cancellation);

    public Task SetKekPolicyAsync(string kek, string policy) => _administration.SetKekPolicyAsync(Alice, kek, policy, Cancellation);

    public Task RotateAsync(string kek) => _administration.RotateAsync(Alice, kek, DateTimeOffset.UtcNow.AddSeconds(1), Cancellation);

    public Task DisableAsync(string kek, int version) => _administration.SetVersionEnabledAsync(Alice, kek, version, false, Cancellation);

    public Task RevokeAsync(RevocationKind kind, string value) => _administration.RevokeAsync(Alice, kind, value, "a test", Cancellation);

    public Task LiftAsync(RevocationKind kind, string value) => _administration.UnrevokeAsync(Alice, kind, value, Cancellation);

    public async Task<List<AuditEntry>> AuditAsync() => await State.ReadAuditAsync(1, Cancellation).ToListAsync(Cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (IKeyStore store in _stores)
        {
            await store.DisposeAsync();
        }

        await State.DisposeAsync();
    }
}
