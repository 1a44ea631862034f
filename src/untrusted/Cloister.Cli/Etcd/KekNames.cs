using Cloister.AdminApi;
using Cloister.Cli.Administration;
using Cloister.Cli.Enclaves;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Keys;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd;

/// <summary>Names and versions of KEKs by key_id, as <c>cloister kek list</c> shows them.</summary>
internal sealed class KekNames
{
    private readonly Dictionary<string, KekName> _byKeyId;

    private KekNames(IEnumerable<KeyValuePair<string, KekName>> named)
    {
        _byKeyId = named.DistinctBy(entry => entry.Key).ToDictionary();
    }

    /// <summary>The KEKs of an enclave.</summary>
    /// <exception cref="CliException">It does not answer.</exception>
    internal static async Task<KekNames> OfEnclaveAsync(string adminSocket, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(adminSocket);
        try
        {
            EnclaveState state = await new Admin.AdminClient(channel).GetStateAsync(
                new GetStateRequest(), deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: cancellation);
            return new(state.Keks.Select(kek => KeyValuePair.Create(kek.KeyId, new KekName(kek.Name, kek.Version))));
        }
        catch (RpcException e) when (!cancellation.IsCancellationRequested)
        {
            throw new CliException($"{adminSocket}: {EnclaveChannel.Explain(e)}");
        }
    }

    /// <summary>The KEKs of the broker that a context file names: also those versions that no enclave has any more.</summary>
    internal static async Task<KekNames> OfBrokerAsync(string contextFile, CancellationToken cancellation)
    {
        using BrokerSession broker = BrokerOptions.Open(contextFile);
        IReadOnlyList<KekSummary> keks = await broker.Client.ListKeksAsync(null, cancellation);
        return new(keks.SelectMany(kek => kek.Versions.Select(version => KeyValuePair.Create(version.KeyId, new KekName(kek.Name, (uint)version.Version)))));
    }

    /// <summary>What is known of the KEK of a value; null when nothing is. KMS v1 stores no key_id, but Cloister's EDEKs name their KEK.</summary>
    internal KekName? Find(Storage storage) => Find(storage.KeyId.Length > 0 ? storage.KeyId : KeyId.Prefix + storage.Kek);

    /// <summary>The KEK of a key_id; null when it is not known.</summary>
    internal KekName? Find(string keyId) => _byKeyId.GetValueOrDefault(keyId);

    /// <summary>All key_ids that are known.</summary>
    internal IReadOnlyCollection<string> KeyIds => _byKeyId.Keys;
}
