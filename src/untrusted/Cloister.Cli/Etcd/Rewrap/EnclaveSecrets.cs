using Cloister.Cli.Enclaves;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.SecretsV1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>The enclave's secrets service, for values of etcd. secrets: values in clear pass through on their way in, none comes out.</summary>
internal sealed class EnclaveSecrets
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(30);

    private readonly Secrets.SecretsClient _client;

    internal EnclaveSecrets(GrpcChannel channel)
    {
        _client = new Secrets.SecretsClient(channel);
    }

    internal async Task<Contracts.SecretsV1.StatusResponse> StatusAsync(CancellationToken cancellation) =>
        await _client.StatusAsync(new Contracts.SecretsV1.StatusRequest(), Options(cancellation));

    /// <summary>Status of the enclave behind a socket.</summary>
    /// <exception cref="CliException">There is no socket.</exception>
    internal static async Task<Contracts.SecretsV1.StatusResponse> StatusAsync(string socket, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        return await new EnclaveSecrets(channel).StatusAsync(cancellation);
    }

    /// <summary>Under the current KEK; one answer for each value, in order.</summary>
    /// <param name="values">What etcd holds.</param>
    /// <param name="unwrap">Values that are encrypted twice become such that are encrypted once.</param>
    /// <param name="cancellation">Ends it.</param>
    internal async Task<IReadOnlyList<RewrapResponse>> RewrapAsync(IEnumerable<KeyValue> values, bool unwrap, CancellationToken cancellation)
    {
        RewrapBatchRequest request = new() { Items = { values.Select(value => new RewrapRequest { Key = value.Key, Stored = value.Value, Unwrap = unwrap }) } };
        RewrapBatchResponse response = await _client.RewrapBatchAsync(request, Options(cancellation));
        return response.Items.Count == request.Items.Count
            ? response.Items
            : throw Mismatch();
    }

    /// <summary>Which values open; one answer for each, in order.</summary>
    internal async Task<IReadOnlyList<CheckItem>> CheckAsync(IEnumerable<KeyValue> values, CancellationToken cancellation)
    {
        CheckBatchRequest request = new() { Items = { values.Select(value => new DecryptRequest { Key = value.Key, Stored = value.Value }) } };
        try
        {
            CheckBatchResponse response = await _client.CheckBatchAsync(request, Options(cancellation));
            return response.Items.Count == request.Items.Count ? response.Items : throw Mismatch();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            throw new CliException("the enclave cannot check values: it is older than this program");
        }
    }

    /// <summary>Encrypts a value in clear.</summary>
    internal async Task<ByteString> EncryptAsync(KeyValue value, CancellationToken cancellation) =>
        (await _client.EncryptAsync(new EncryptRequest { Key = value.Key, Plaintext = value.Value }, Options(cancellation))).Stored;

    private static CliException Mismatch() =>
        new("the enclave answered for another number of values than were sent: check that client and enclave are of one version");

    private static CallOptions Options(CancellationToken cancellation) => new(deadline: DateTime.UtcNow + CallTime, cancellationToken: cancellation);
}
