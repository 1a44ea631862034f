using System.Security.Cryptography;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.StoredValues;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Cli.Probe;

/// <summary>Acts as an API server with a KMS v2 provider would, and holds the answers against what it enforces.</summary>
internal static class KmsV2Probe
{
    private const int SeedSize = 32;

    internal static async Task<ProbeReport> RunAsync(CallInvoker invoker, int count, TimeSpan timeout, CancellationToken cancellation)
    {
        ProbeReport report = new("v2");
        KeyManagementService.KeyManagementServiceClient client = new(invoker);
        CallOptions Options() => new(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellation);
        try
        {
            StatusResponse status = await StatusAsync(client, report, Options());
            for (int i = 1; i < count; i++)
            {
                await report.Status.MeasureAsync(() => client.StatusAsync(new StatusRequest(), Options()).ResponseAsync);
            }

            byte[] seed = RandomNumberGenerator.GetBytes(SeedSize);
            for (int i = 0; i < count; i++)
            {
                EncryptResponse encrypted = await report.Encrypt.MeasureAsync(() => client.EncryptAsync(
                    new EncryptRequest { Plaintext = ByteString.CopyFrom(seed), Uid = Guid.NewGuid().ToString() }, Options()).ResponseAsync);
                DecryptRequest request = new() { Ciphertext = encrypted.Ciphertext, KeyId = encrypted.KeyId, Uid = Guid.NewGuid().ToString() };
                request.Annotations.Add(encrypted.Annotations);
                DecryptResponse decrypted = await report.Decrypt.MeasureAsync(() => client.DecryptAsync(request, Options()).ResponseAsync);
                bool good = i == 0
                    ? CheckFirst(report, status, encrypted, decrypted, seed)
                    : decrypted.Plaintext.Span.SequenceEqual(seed) && encrypted.KeyId == status.KeyId;
                if (!good)
                {
                    report.Check($"round trip {i + 1}", false, "another seed or another key_id came back");
                    break;
                }
            }

            await RefusalAsync(client, report, status.KeyId, Options());
        }
        catch (RpcException e)
        {
            report.Check("calls", false, Enclaves.EnclaveChannel.Explain(e));
        }

        return report;
    }

    private static async Task<StatusResponse> StatusAsync(KeyManagementService.KeyManagementServiceClient client, ProbeReport report, CallOptions options)
    {
        AsyncUnaryCall<StatusResponse> call = client.StatusAsync(new StatusRequest(), options);
        StatusResponse status = await report.Status.MeasureAsync(() => call.ResponseAsync);
        report.Tee = (await call.ResponseHeadersAsync).GetValue("cloister-tee") ?? "not told";
        report.KeyId = status.KeyId;
        report.Check("TEE", true, report.Tee == "simulated" ? "SIMULATED: for development only" : report.Tee);
        report.Check("version", status.Version is "v2" or "v2beta1", status.Version);
        report.Check("healthz", status.Healthz == "ok", status.Healthz);
        report.Check("key_id", status.KeyId.Length is >= 1 and <= EncryptedObject.MaxKeyIdSize, status.KeyId);
        return status;
    }

    private static bool CheckFirst(ProbeReport report, StatusResponse status, EncryptResponse encrypted, DecryptResponse decrypted, byte[] seed)
    {
        int annotations = encrypted.Annotations.Sum(annotation => annotation.Key.Length + annotation.Value.Length);
        bool names = encrypted.Annotations.Keys.All(key => key.Contains('.') && !key.Any(char.IsAsciiLetterUpper) && !key.Contains('/'));
        return report.Check("Encrypt returns Status's key_id", encrypted.KeyId == status.KeyId, encrypted.KeyId)
            & report.Check("EDEK size", encrypted.Ciphertext.Length is >= 1 and <= EncryptedObject.MaxEdekSize, $"{encrypted.Ciphertext.Length} bytes of {EncryptedObject.MaxEdekSize}")
            & report.Check("annotations", names && annotations <= EncryptedObject.MaxAnnotationsSize, $"{encrypted.Annotations.Count}, {annotations} bytes")
            & report.Check("Decrypt gives the seed back", decrypted.Plaintext.Span.SequenceEqual(seed), $"{decrypted.Plaintext.Length} bytes");
    }

    // A plugin that ignores key_id on Decrypt cannot tell keys apart. No answer in time is not a refusal.
    private static async Task RefusalAsync(KeyManagementService.KeyManagementServiceClient client, ProbeReport report, string keyId, CallOptions options)
    {
        EncryptResponse encrypted = await client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[SeedSize]) }, options);
        try
        {
            await client.DecryptAsync(new DecryptRequest { Ciphertext = encrypted.Ciphertext, KeyId = keyId + "0" }, options);
            report.Check("Decrypt refuses another key_id", false, "it was accepted");
        }
        catch (RpcException e) when (e.StatusCode is not (StatusCode.Unavailable or StatusCode.DeadlineExceeded))
        {
            report.Check("Decrypt refuses another key_id", true, e.StatusCode.ToString());
        }
    }
}
