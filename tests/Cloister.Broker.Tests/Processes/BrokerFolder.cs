using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A folder with the configuration, root key, database and collateral of a broker, and what it takes to start it and to act on its database.</summary>
internal sealed class BrokerFolder : IDisposable
{
    private readonly string _rootKey;
    private readonly string _keyStore;

    public BrokerFolder(string? database = null, string? rootKey = null, string keyStore = "keyStore: database")
    {
        Folder = Directory.CreateTempSubdirectory("cloister-broker-").FullName;
        SimulatedEnclave.WriteCollateral(Path.Combine(Folder, "collateral"));
        Database = database ?? $"sqlite:{Folder}/broker.db";
        _rootKey = rootKey ?? $"{{ file: {RootKeyFile} }}";
        _keyStore = keyStore;
    }

    public string Folder { get; }

    public string Database { get; }

    /// <summary>The configuration's line on roots besides the vendors': the simulated vendor's is one.</summary>
    public string OtherRoots { get; init; } = "otherRoots: allowed";

    /// <summary>The configuration's section on collateral; null: the simulated vendor's, in a directory.</summary>
    public string? Collateral { get; init; }

    public string RootKeyFile => Path.Combine(Folder, "UNPROTECTED-root.key");

    /// <summary>Starts a broker on this folder, on any port unless it is to come back on the one that an earlier broker had.</summary>
    public Task<BrokerProcess> StartAsync(string more = "", int port = 0) => BrokerProcess.StartAsync(WriteConfiguration(more, port));

    public string WriteConfiguration(string more = "", int port = 0)
    {
        string path = Path.Combine(Folder, "broker.yaml");
        File.WriteAllText(path, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: BrokerConfiguration
            listen: 127.0.0.1:{{port}}
            database: "{{Database}}"
            rootKey: {{_rootKey}}
            {{_keyStore}}
            collateral: {{Collateral ?? $"{{ directory: {Folder}/collateral }}"}}
            {{more}}
            {{OtherRoots}}
            """);
        return path;
    }

    /// <summary>Acts on the database of a broker as another broker would.</summary>
    public Task<OtherBroker> OpenAsync(BrokerProcess broker, IRootKey? root = null, params IKeyStore[] stores) =>
        OtherBroker.OpenAsync(Database, broker.Authority, root ?? FileRootKey.Open(RootKeyFile), stores);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
