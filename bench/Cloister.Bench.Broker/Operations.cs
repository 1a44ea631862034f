using System.Security.Cryptography;
using Cloister.Broker.Tests;
using Cloister.Kbs;

namespace Cloister.Bench.Broker;

/// <summary>What is measured, on one broker.</summary>
internal sealed class Operations : IDisposable
{
    internal const int Callers = 16;

    /// <summary>Renewed in turn: a database that writes one row again and again measures its dead rows.</summary>
    internal const int Leases = 1024;

    private readonly LoadClient _client;
    private readonly (LeaseTerms Terms, string Token)[] _leases = new (LeaseTerms, string)[Leases];
    private readonly byte[][] _items = [.. Enumerable.Range(0, KbsPaths.MaxItems).Select(_ => RandomNumberGenerator.GetBytes(32))];
    private int _renewed;
    private string _token = "";
    private string _keyId = "";
    private IReadOnlyList<byte[]> _wrapped = [];

    private Operations(LoadClient client) => _client = client;

    internal static async Task<Operations> StartAsync(BrokerUnderLoad broker, SimulatedEnclave enclave)
    {
        Operations operations = new(new LoadClient(broker.Url, broker.Pin, enclave));
        await Parallel.ForAsync(0, Leases, new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (i, _) => operations._leases[i] = await operations.OpenedAsync(BrokerUnderLoad.Released));

        (LeaseTerms terms, operations._token) = await operations.OpenedAsync(BrokerUnderLoad.Kept);
        operations._keyId = terms.Versions[0].KeyId;
        operations._wrapped = [.. (await operations._client.CryptoAsync(KbsPaths.Wrap, operations._token, operations._keyId, operations._items)).Select(item => item!)];
        return operations;
    }

    /// <summary>A challenge, evidence, a new lease with the KEK.</summary>
    internal Task AttestAsync(int caller) => _client.LeaseAsync(BrokerUnderLoad.Released);

    /// <summary>A challenge, evidence, a renewed lease; no KEK is new.</summary>
    internal Task RenewAsync(int caller)
    {
        (LeaseTerms terms, string token) = _leases[(uint)Interlocked.Increment(ref _renewed) % Leases];
        return _client.LeaseAsync(BrokerUnderLoad.Released, terms, token);
    }

    /// <summary>256 keys of 32 bytes.</summary>
    internal Task WrapAsync(int caller) => _client.CryptoAsync(KbsPaths.Wrap, _token, _keyId, _items);

    /// <summary>The same keys back.</summary>
    internal Task UnwrapAsync(int caller) => _client.CryptoAsync(KbsPaths.Unwrap, _token, _keyId, _wrapped);

    private async Task<(LeaseTerms Terms, string Token)> OpenedAsync(string kek)
    {
        (LeaseTerms terms, FlattenedJwe token) = await _client.LeaseAsync(kek);
        return (terms, _client.Open(token));
    }

    public void Dispose() => _client.Dispose();
}
