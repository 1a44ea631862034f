using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Probe;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using V1 = Cloister.Contracts.KmsV1;
using V2 = Cloister.Contracts.KmsV2;

namespace Cloister.Cli.Demo;

/// <summary>
/// Stands for an API server in demonstrations, as a process of its own: writes and reads Secrets through a KMS socket with the protocol
/// that an API server speaks, then stays until its standard input ends, so that its memory can be looked at.
/// </summary>
internal static class DemoApiServer
{
    internal const string Verb = "demo-api-server";

    private const string V1Version = "v1beta1";
    private const int KeySize = 32;
    private const int SecretSize = 256;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    internal static Command Create()
    {
        Option<string> socket = new("--socket") { Required = true };
        Option<int> secrets = new("--secrets") { Required = true };
        Option<ApiServerKind> kind = new("--kind") { Required = true };
        Command command = new(Verb) { socket, secrets, kind };
        command.Hidden = true;
        command.SetAction(async (parsed, cancellation) =>
        {
            using GrpcChannel channel = EnclaveChannel.Open(parsed.GetValue(socket)!);
            CallInvoker invoker = channel.CreateCallInvoker();
            await WarmUpAsync(new V1.KeyManagementService.KeyManagementServiceClient(invoker), cancellation);
            (Latencies writes, Latencies reads, List<byte[]> edeks, object held) = parsed.GetValue(kind) switch
            {
                ApiServerKind.StockV1 => await StockV1Async(new V1.KeyManagementService.KeyManagementServiceClient(invoker), parsed.GetValue(secrets), cancellation),
                ApiServerKind.StockV2 => await StockV2Async(new V2.KeyManagementService.KeyManagementServiceClient(invoker), parsed.GetValue(secrets), cancellation),
                _ => await SecretToEnclaveAsync(new V1.KeyManagementService.KeyManagementServiceClient(invoker), parsed.GetValue(secrets), cancellation),
            };

            JsonObject report = DemoLatencies.Json(writes, reads);
            report["edeks"] = new JsonArray([.. edeks.Select(edek => (JsonNode)Convert.ToBase64String(edek))]);
            Console.Out.WriteLine(report.ToJsonString());
            Console.Out.Flush();
            while (Console.OpenStandardInput().ReadByte() >= 0)
            {
            }

            GC.KeepAlive(held);
            return ExitCode.Done;
        });
        return command;
    }

    // Connects, and lets both programs compile what they need; no call of this kind reaches a remote KMS.
    private static async Task WarmUpAsync(V1.KeyManagementService.KeyManagementServiceClient client, CancellationToken cancellation)
    {
        for (int i = 0; i < 50; i++)
        {
            await client.VersionAsync(new V1.VersionRequest { Version = V1Version }, cancellationToken: cancellation);
        }
    }

    // KMS v1: a DEK per Secret, made here, wrapped through the socket; every read unwraps it (no cache, as with cachesize -1).
    private static async Task<(Latencies Writes, Latencies Reads, List<byte[]> Edeks, object Held)> StockV1Async(
        V1.KeyManagementService.KeyManagementServiceClient client, int secrets, CancellationToken cancellation)
    {
        Latencies writes = new();
        Latencies reads = new();
        List<byte[]> edeks = [];
        List<byte[]> stored = [];
        List<byte[]> deks = [];
        for (int i = 0; i < secrets; i++)
        {
            byte[] secret = RandomNumberGenerator.GetBytes(SecretSize);
            byte[] dek = RandomNumberGenerator.GetBytes(KeySize);
            await writes.MeasureAsync(async () =>
            {
                edeks.Add(await WrapAsync(client, dek, cancellation));
                stored.Add(Encrypt(dek, secret));
                return true;
            });
            deks.Add(dek);
        }

        for (int i = 0; i < secrets; i++)
        {
            int index = i;
            await reads.MeasureAsync(async () =>
            {
                byte[] dek = await UnwrapAsync(client, edeks[index], cancellation);
                return Decrypt(dek, stored[index]);
            });
        }

        return (writes, reads, edeks, deks);
    }

    // KMS v2: one seed, made here, wrapped once; a key for each Secret is derived from it here.
    private static async Task<(Latencies Writes, Latencies Reads, List<byte[]> Edeks, object Held)> StockV2Async(
        V2.KeyManagementService.KeyManagementServiceClient client, int secrets, CancellationToken cancellation)
    {
        Latencies writes = new();
        Latencies reads = new();
        List<(byte[] Info, byte[] Data)> stored = [];
        byte[] seed = RandomNumberGenerator.GetBytes(KeySize);
        await client.StatusAsync(new V2.StatusRequest(), cancellationToken: cancellation);
        V2.EncryptResponse wrapped = await client.EncryptAsync(
            new V2.EncryptRequest { Plaintext = ByteString.CopyFrom(seed), Uid = Guid.NewGuid().ToString() }, cancellationToken: cancellation);
        for (int i = 0; i < secrets; i++)
        {
            byte[] secret = RandomNumberGenerator.GetBytes(SecretSize);
            await writes.MeasureAsync(() =>
            {
                byte[] info = RandomNumberGenerator.GetBytes(KeySize);
                stored.Add((info, Encrypt(HKDF.Expand(HashAlgorithmName.SHA256, seed, KeySize, info), secret)));
                return Task.FromResult(true);
            });
        }

        foreach ((byte[] info, byte[] data) in stored)
        {
            await reads.MeasureAsync(() => Task.FromResult(Decrypt(HKDF.Expand(HashAlgorithmName.SHA256, seed, KeySize, info), data)));
        }

        return (writes, reads, [wrapped.Ciphertext.ToByteArray()], seed);
    }

    // The talk's way: the Secret goes to the enclave, which makes the DEK; ciphertext and wrapped key come back.
    private static async Task<(Latencies Writes, Latencies Reads, List<byte[]> Edeks, object Held)> SecretToEnclaveAsync(
        V1.KeyManagementService.KeyManagementServiceClient client, int secrets, CancellationToken cancellation)
    {
        Latencies writes = new();
        Latencies reads = new();
        List<byte[]> stored = [];
        List<byte[]> digests = [];
        for (int i = 0; i < secrets; i++)
        {
            byte[] secret = RandomNumberGenerator.GetBytes(SecretSize);
            digests.Add(SHA256.HashData(secret));
            stored.Add(await writes.MeasureAsync(() => WrapAsync(client, secret, cancellation)));
        }

        for (int i = 0; i < secrets; i++)
        {
            int index = i;
            byte[] read = await reads.MeasureAsync(() => UnwrapAsync(client, stored[index], cancellation));
            if (!SHA256.HashData(read).AsSpan().SequenceEqual(digests[index]))
            {
                throw new CliException($"secret {index} came back changed");
            }
        }

        return (writes, reads, stored, stored);
    }

    private static async Task<byte[]> WrapAsync(V1.KeyManagementService.KeyManagementServiceClient client, byte[] plain, CancellationToken cancellation)
    {
        V1.EncryptResponse response = await client.EncryptAsync(
            new V1.EncryptRequest { Version = V1Version, Plain = ByteString.CopyFrom(plain) }, cancellationToken: cancellation);
        return response.Cipher.ToByteArray();
    }

    private static async Task<byte[]> UnwrapAsync(V1.KeyManagementService.KeyManagementServiceClient client, byte[] cipher, CancellationToken cancellation)
    {
        V1.DecryptResponse response = await client.DecryptAsync(
            new V1.DecryptRequest { Version = V1Version, Cipher = ByteString.CopyFrom(cipher) }, cancellationToken: cancellation);
        return response.Plain.ToByteArray();
    }

    private static byte[] Encrypt(byte[] key, byte[] plaintext)
    {
        byte[] output = new byte[NonceSize + plaintext.Length + TagSize];
        RandomNumberGenerator.Fill(output.AsSpan(0, NonceSize));
        using AesGcm gcm = new(key, TagSize);
        gcm.Encrypt(output.AsSpan(0, NonceSize), plaintext, output.AsSpan(NonceSize, plaintext.Length), output.AsSpan(NonceSize + plaintext.Length));
        return output;
    }

    private static byte[] Decrypt(byte[] key, byte[] input)
    {
        byte[] plaintext = new byte[input.Length - NonceSize - TagSize];
        using AesGcm gcm = new(key, TagSize);
        gcm.Decrypt(input.AsSpan(0, NonceSize), input.AsSpan(NonceSize, plaintext.Length), input.AsSpan(NonceSize + plaintext.Length), plaintext);
        return plaintext;
    }
}
