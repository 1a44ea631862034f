using Cloister.Contracts.Keys;
using Cloister.Contracts.SecretsV1;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Services.Secrets;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Secrets;

/// <summary>The service over a custody with one KEK, called without a transport.</summary>
internal sealed class SecretsFixture : IDisposable
{
    internal const string Key = "/registry/secrets/ns/name";

    private readonly HandlerCalls _calls;

    internal SecretsFixture(SeedOptions? seeds = null, KekRules? keks = null)
    {
        Gateway = new GatewayFixture(PlaintextMode.Sealed, seeds, keks: keks);
        Engine = new KmsEngine(Gateway.Custody, "simulated", new CallCounters());
        _calls = new HandlerCalls(new SecretsService(Engine, TestKeys.Context(), Gateway.Values).Methods);
    }

    /// <summary>The same custody and cipher, as the gateway has them.</summary>
    internal GatewayFixture Gateway { get; }

    internal KmsEngine Engine { get; }

    internal IEnumerable<string> Methods => _calls.Paths.Select(path => path[(path.LastIndexOf('/') + 1)..]);

    internal string KeyId => Gateway.Custody.Ring.Active!.KeyId;

    public void Dispose() => Gateway.Dispose();

    internal Task<CallResult> CallAsync(string method, byte[] request) => _calls.CallAsync($"/cloister.secrets.v1.Secrets/{method}", request);

    internal Task<CallResult> CallAsync(string method, IMessage request) => CallAsync(method, request.ToByteArray());

    internal async Task<T> CallAsync<T>(string method, IMessage request, MessageParser<T> parser)
        where T : IMessage<T>
    {
        CallResult result = await CallAsync(method, request);
        Assert.Equal((null, ""), (result.Code, result.Message));
        return parser.ParseFrom(result.Response);
    }

    internal async Task<byte[]> EncryptAsync(byte[] plaintext, string key = Key) =>
        (await CallAsync("Encrypt", Encrypt(key, plaintext), EncryptResponse.Parser)).Stored.ToByteArray();

    internal Task<DecryptResponse> DecryptAsync(byte[] stored, string key = Key) => CallAsync("Decrypt", Decrypt(key, stored), DecryptResponse.Parser);

    internal static EncryptRequest Encrypt(string key, byte[] plaintext) =>
        new() { Key = ByteString.CopyFromUtf8(key), Plaintext = ByteString.CopyFrom(plaintext) };

    internal static DecryptRequest Decrypt(string key, byte[] stored) =>
        new() { Key = ByteString.CopyFromUtf8(key), Stored = ByteString.CopyFrom(stored) };

    internal static RewrapRequest Rewrap(string key, byte[] stored) =>
        new() { Key = ByteString.CopyFromUtf8(key), Stored = ByteString.CopyFrom(stored) };

    /// <summary>A second version of the KEK, active; the first stays.</summary>
    internal string Rotate() => Gateway.Custody.Import("k", 2, TestKeys.Random(), activate: true).KeyId;
}
