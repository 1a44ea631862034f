using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Services.Kms;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Support;

/// <summary>KMS v1 and v2 of one custody, called through their handlers without a transport.</summary>
internal sealed class KmsServices
{
    internal const string V1 = "/v1beta1.KeyManagementService/";
    internal const string V2 = "/v2.KeyManagementService/";

    private readonly HandlerCalls _calls;

    internal KmsServices(ICustody custody)
    {
        KmsEngine engine = new(custody, "simulated", new CallCounters());
        _calls = new HandlerCalls([.. new KmsV1Service(engine, "1.2.3").Methods, .. new KmsV2Service(engine).Methods]);
        Counters = engine.Counters;
    }

    internal CallCounters Counters { get; }

    internal IEnumerable<string> Paths => _calls.Paths;

    internal Task<CallResult> CallAsync(string path, byte[] request) => _calls.CallAsync(path, request);

    internal Task<CallResult> CallAsync(string path, IMessage request) => _calls.CallAsync(path, request);

    internal async Task<Contracts.KmsV2.EncryptResponse> EncryptAsync(byte[] plaintext)
    {
        CallResult result = await CallAsync(V2 + "Encrypt", new Contracts.KmsV2.EncryptRequest { Plaintext = ByteString.CopyFrom(plaintext), Uid = "u" });
        Assert.Equal((null, ""), (result.Code, result.Message));
        return Contracts.KmsV2.EncryptResponse.Parser.ParseFrom(result.Response);
    }

    internal Task<CallResult> DecryptAsync(ByteString ciphertext, string keyId) =>
        CallAsync(V2 + "Decrypt", new Contracts.KmsV2.DecryptRequest { Ciphertext = ciphertext, KeyId = keyId, Uid = "u" });
}
