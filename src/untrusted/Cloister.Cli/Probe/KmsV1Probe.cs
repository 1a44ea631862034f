using System.Security.Cryptography;
using Cloister.Contracts.KmsV1;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Cli.Probe;

/// <summary>Acts as an API server with a KMS v1 provider would.</summary>
internal static class KmsV1Probe
{
    private const string ApiVersion = "v1beta1";
    private const int KeySize = 32;

    internal static async Task<ProbeReport> RunAsync(CallInvoker invoker, int count, TimeSpan timeout, CancellationToken cancellation)
    {
        ProbeReport report = new("v1");
        KeyManagementService.KeyManagementServiceClient client = new(invoker);
        CallOptions Options() => new(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellation);
        try
        {
            AsyncUnaryCall<VersionResponse> call = client.VersionAsync(new VersionRequest { Version = ApiVersion }, Options());
            VersionResponse version = await report.Status.MeasureAsync(() => call.ResponseAsync);
            report.Tee = (await call.ResponseHeadersAsync).GetValue("cloister-tee") ?? "not told";
            report.Check("version", version.Version == ApiVersion, version.Version);
            report.Check("runtime", version.RuntimeName.Length > 0 && System.Version.TryParse(version.RuntimeVersion, out _), $"{version.RuntimeName} {version.RuntimeVersion}");
            for (int i = 1; i < count; i++)
            {
                await report.Status.MeasureAsync(() => client.VersionAsync(new VersionRequest { Version = ApiVersion }, Options()).ResponseAsync);
            }

            // First what an API server's health check sends, then keys.
            byte[] plain = "ping"u8.ToArray();
            for (int i = 0; i < count; i++)
            {
                EncryptResponse encrypted = await report.Encrypt.MeasureAsync(() => client.EncryptAsync(
                    new EncryptRequest { Version = ApiVersion, Plain = ByteString.CopyFrom(plain) }, Options()).ResponseAsync);
                DecryptResponse decrypted = await report.Decrypt.MeasureAsync(() => client.DecryptAsync(
                    new DecryptRequest { Version = ApiVersion, Cipher = encrypted.Cipher }, Options()).ResponseAsync);
                bool same = decrypted.Plain.Span.SequenceEqual(plain);
                if (i == 0 || !same)
                {
                    report.Check(i == 0 ? "ping" : $"round trip {i + 1}", same && encrypted.Cipher.Length <= ushort.MaxValue, $"{encrypted.Cipher.Length} bytes");
                }

                if (!same)
                {
                    break;
                }

                plain = RandomNumberGenerator.GetBytes(KeySize);
            }
        }
        catch (RpcException e)
        {
            report.Check("calls", false, Enclaves.EnclaveChannel.Explain(e));
        }

        return report;
    }
}
