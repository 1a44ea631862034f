using Cloister.Audit;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Rows;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;
using Microsoft.Data.Sqlite;

namespace Cloister.Broker.Administration.Tests;

/// <summary>A broker's state and a key store in SQLite files, and a clock that tests set.</summary>
internal sealed class BrokerUnderTest : IAsyncDisposable
{
    internal const string Authority = "00112233445566778899aabbccddeeff";

    internal static readonly Administrator Everything =
        new("alice", AdministratorRole.Auditor | AdministratorRole.Operator | AdministratorRole.KeyCustodian);

    private readonly string _folder;

    private BrokerUnderTest(string folder, SettableTime time, SqlBrokerState state, DatabaseKeyStore store)
    {
        (_folder, Time, State, Store) = (folder, time, state, store);
        Administration = new BrokerAdministration(
            state, new Dictionary<string, IKeyStore> { ["main"] = store, ["hsm"] = new KeepingStore(store) }, Authority,
            yaml => yaml.StartsWith("bad", StringComparison.Ordinal) ? ["1:1: not a policy"] : [], time);
    }

    internal SettableTime Time { get; }

    internal SqlBrokerState State { get; }

    internal DatabaseKeyStore Store { get; }

    internal BrokerAdministration Administration { get; }

    internal static async Task<BrokerUnderTest> StartAsync(CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("cloister-admin-").FullName;
        SettableTime time = new();
        SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse($"sqlite:{folder}/broker.db"), time, cancellation);
        RowKey key = new(new byte[RowKey.Size]);
        await state.AdoptRowsAsync(key, false, cancellation);
        await state.AuthenticateAsync(key, null, problem => throw new InvalidOperationException(problem), cancellation);
        return new BrokerUnderTest(
            folder, time, state,
            await DatabaseKeyStore.OpenAsync($"sqlite:{folder}/keys.db", FileRootKey.Open($"{folder}/UNPROTECTED-root.key"), cancellation));
    }

    internal async Task<Kek> NewKekAsync(string name, CancellationToken cancellation)
    {
        await Administration.SetPolicyAsync(Everything, "production", "a policy", cancellation);
        return await Administration.CreateKekAsync(Everything, Record(name), cancellation);
    }

    internal static KekRecord Record(string name, string store = "main", string policy = "production", bool release = true) =>
        new(name, "cluster-a", store, policy, release, default);

    internal static KekIdentity Identity(KekVersion version) => new(Authority, version.Name, (uint)version.Version, version.Generation);

    internal async Task<List<AuditEntry>> AuditAsync()
    {
        List<AuditEntry> entries = [];
        await foreach (AuditEntry entry in State.ReadAuditAsync(1, CancellationToken.None))
        {
            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>The database.</summary>
    internal string DatabaseFile => $"{_folder}/broker.db";

    /// <summary>Writes to the database past every broker.</summary>
    internal void WriteDatabase(string sql)
    {
        using SqliteConnection connection = new($"Data Source={DatabaseFile};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public async ValueTask DisposeAsync()
    {
        await State.DisposeAsync();
        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
