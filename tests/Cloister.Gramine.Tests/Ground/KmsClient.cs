using Cloister.Conformance.Harness;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Gramine.Tests.Ground;

/// <summary>An API server's KMS v2 client on the relay's socket.</summary>
internal sealed class KmsClient : IDisposable
{
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel _channel;
    private readonly KeyManagementService.KeyManagementServiceClient _client;

    internal KmsClient(string socket)
    {
        _channel = UnixChannel.To(socket);
        _client = new KeyManagementService.KeyManagementServiceClient(_channel);
    }

    private static CallOptions Options => new(deadline: DateTime.UtcNow + CallLimit, cancellationToken: TestContext.Current.CancellationToken);

    internal async Task<StatusResponse> StatusAsync() => await _client.StatusAsync(new StatusRequest(), Options);

    /// <summary><c>ok</c>, or what Status fails with.</summary>
    internal async Task<string> HealthAsync()
    {
        try
        {
            return (await StatusAsync()).Healthz;
        }
        catch (RpcException e)
        {
            return e.Status.Detail;
        }
    }

    internal async Task<EncryptResponse> EncryptAsync(byte[] plaintext) =>
        await _client.EncryptAsync(new EncryptRequest { Uid = "u", Plaintext = ByteString.CopyFrom(plaintext) }, Options);

    internal async Task<byte[]> DecryptAsync(EncryptResponse encrypted)
    {
        DecryptRequest request = new() { Uid = "u", Ciphertext = encrypted.Ciphertext, KeyId = encrypted.KeyId };
        request.Annotations.Add(encrypted.Annotations);
        return (await _client.DecryptAsync(request, Options)).Plaintext.ToByteArray();
    }

    /// <summary>Encrypts and decrypts.</summary>
    internal async Task RoundTripAsync()
    {
        byte[] seed = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        Assert.Equal(seed, await DecryptAsync(await EncryptAsync(seed)));
    }

    /// <summary>Goes on with round trips until told otherwise; every one has to succeed.</summary>
    /// <returns>How many there were.</returns>
    internal async Task<int> KeepCallingAsync(CancellationToken over)
    {
        int calls = 0;
        while (!over.IsCancellationRequested)
        {
            await RoundTripAsync();
            calls++;
        }

        return calls;
    }

    public void Dispose() => _channel.Dispose();
}
