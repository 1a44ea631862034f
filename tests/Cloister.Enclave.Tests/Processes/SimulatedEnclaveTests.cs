using System.Net.Sockets;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>cloister-enclave-sim as a process.</summary>
public sealed class SimulatedEnclaveTests : IDisposable
{
    private const string Program = "cloister-enclave-sim";

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string KmsSocket => _folder.File("kms.sock");

    private string AdminSocket => _folder.File("admin.sock");

    [Fact]
    public async Task Serves_says_that_it_is_simulated_stops_on_SIGTERM_and_has_its_KEKs_again()
    {
        DecryptRequest request = new() { Uid = "u" };
        using (EnclaveProcess process = Start("manual"))
        {
            await ListensAsync(process);
            Assert.Contains("SIMULATED TEE. Keys are not protected", process.Error, StringComparison.Ordinal);
            Assert.Contains("THE TEE IS SIMULATED", process.Error, StringComparison.Ordinal);
            using GrpcChannel admin = Channel(AdminSocket);
            KekInfo kek = await new Contracts.EnclaveAdmin.Admin.AdminClient(admin).CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop);
            using GrpcChannel channel = Channel(KmsSocket);
            KeyManagementService.KeyManagementServiceClient kms = new(channel);
            AsyncUnaryCall<EncryptResponse> call = kms.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(TestKeys.Of(7)) }, cancellationToken: Stop);
            EncryptResponse made = await call;
            Assert.Equal(kek.KeyId, made.KeyId);
            Assert.Equal("simulated", (await call.ResponseHeadersAsync).GetValue("cloister-tee"));
            Assert.Equal("simulated", made.Annotations["tee.cloister.dev"].ToStringUtf8());
            request.Ciphertext = made.Ciphertext;
            request.KeyId = made.KeyId;

            // A client that stays connected does not hold the end up.
            process.Stop();
            Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(5)));
            Assert.Contains("stopped; keys wiped", process.Error, StringComparison.Ordinal);
            Assert.Empty(process.Output.Trim());
        }

        Assert.False(File.Exists(KmsSocket));
        Assert.False(File.Exists(AdminSocket));

        using EnclaveProcess again = Start("manual");
        await ListensAsync(again);
        using GrpcChannel second = Channel(KmsSocket);
        DecryptResponse opened = await new KeyManagementService.KeyManagementServiceClient(second).DecryptAsync(request, cancellationToken: Stop);
        Assert.Equal(TestKeys.Of(7), opened.Plaintext.ToByteArray());
    }

    [Fact]
    public async Task Ends_when_its_standard_input_does_if_told_so()
    {
        using EnclaveProcess process = Start("manual", "--stop-with-stdin");
        await ListensAsync(process);
        Assert.False(process.HasExited);
        process.CloseInput();
        Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(5)));
        Assert.False(File.Exists(KmsSocket));
    }

    [Theory]
    [InlineData("remote")]
    [InlineData("passthrough")]
    public async Task Encrypts_whole_values_in_every_custody_on_a_socket_of_its_own_if_told_so(string custody)
    {
        using EnclaveProcess process = Start(custody, secrets: true);
        await ListensAsync(process);
        using GrpcChannel kms = Channel(KmsSocket);
        string keyId = await KeyIdAsync(new KeyManagementService.KeyManagementServiceClient(kms), was: "");
        using GrpcChannel channel = Channel(_folder.File("secrets.sock"));
        Contracts.SecretsV1.Secrets.SecretsClient secrets = new(channel);
        ByteString key = ByteString.CopyFromUtf8("/registry/secrets/ns/name");
        Contracts.SecretsV1.EncryptResponse made = await secrets.EncryptAsync(
            new Contracts.SecretsV1.EncryptRequest { Key = key, Plaintext = ByteString.CopyFrom(new byte[1 << 20]) }, cancellationToken: Stop);
        Assert.Equal(keyId, made.KeyId);
        Contracts.SecretsV1.DecryptRequest request = new() { Key = key, Stored = made.Stored };
        Assert.Equal(1 << 20, (await secrets.DecryptAsync(request, cancellationToken: Stop)).Plaintext.Length);

        // Each socket serves its own service only.
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            async () => await new Contracts.SecretsV1.Secrets.SecretsClient(kms).DecryptAsync(request, cancellationToken: Stop));
        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(5)));
        Assert.False(File.Exists(_folder.File("secrets.sock")));
    }

    [Theory]
    [InlineData("remote")]
    [InlineData("passthrough")]
    public async Task The_software_KMS_serves_the_other_custodies(string custody)
    {
        using EnclaveProcess process = Start(custody);
        await ListensAsync(process);
        using GrpcChannel channel = Channel(KmsSocket);
        KeyManagementService.KeyManagementServiceClient kms = new(channel);
        string keyId = await KeyIdAsync(kms, was: "");
        EncryptResponse made = await kms.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(TestKeys.Of(7)) }, cancellationToken: Stop);
        Assert.Equal(keyId, made.KeyId);
        DecryptRequest request = new() { Ciphertext = made.Ciphertext, KeyId = made.KeyId };
        Assert.Equal(TestKeys.Of(7), (await kms.DecryptAsync(request, cancellationToken: Stop)).Plaintext.ToByteArray());

        // The file of the software KMS is its state: disabled, then as before.
        string file = await File.ReadAllTextAsync(_folder.File("kms.json"), Stop);
        await File.WriteAllTextAsync(_folder.File("kms.json"), file.Replace("\"disabled\": false", "\"disabled\": true", StringComparison.Ordinal), Stop);
        await RefusesAsync(kms, StatusCode.FailedPrecondition);
        await File.WriteAllTextAsync(_folder.File("kms.json"), file[..(file.Length / 2)], Stop);
        await Eventually.TrueAsync(() => process.Error.Contains("has not answered", StringComparison.Ordinal), "half a file counts as silence");
        await File.WriteAllTextAsync(_folder.File("kms.json"), file, Stop);
        Assert.Equal(keyId, await KeyIdAsync(kms, was: ""));
        Assert.Equal(TestKeys.Of(7), (await kms.DecryptAsync(request, cancellationToken: Stop)).Plaintext.ToByteArray());
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task A_second_one_on_the_same_sockets_refuses_and_the_first_lives_on()
    {
        using EnclaveProcess first = Start("manual");
        await ListensAsync(first);
        using EnclaveProcess second = Start("manual");
        Assert.Equal(1, await second.ExitAsync(StartPatience));
        Assert.Contains("another process answers on it", second.Error, StringComparison.Ordinal);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(KmsSocket), Stop);
    }

    private static async Task<string> KeyIdAsync(KeyManagementService.KeyManagementServiceClient kms, string was)
    {
        string keyId = was;
        for (int i = 0; i < 300 && keyId == was; i++)
        {
            await Task.Delay(100, Stop);
            if (await StatusAsync(kms) is (StatusCode.OK, { } found))
            {
                keyId = found;
            }
        }

        Assert.NotEqual(was, keyId);
        return keyId;
    }

    private static async Task RefusesAsync(KeyManagementService.KeyManagementServiceClient kms, StatusCode expected)
    {
        StatusCode code = StatusCode.OK;
        for (int i = 0; i < 300 && code == StatusCode.OK; i++)
        {
            await Task.Delay(100, Stop);
            (code, _) = await StatusAsync(kms);
        }

        Assert.Equal(expected, code);
    }

    private static async Task<(StatusCode Code, string? KeyId)> StatusAsync(KeyManagementService.KeyManagementServiceClient kms)
    {
        try
        {
            StatusResponse status = await kms.StatusAsync(new StatusRequest(), cancellationToken: Stop);
            return (StatusCode.OK, status.KeyId);
        }
        catch (RpcException e)
        {
            return (e.StatusCode, null);
        }
    }

    /// <summary>Calls on a unix socket.</summary>
    internal static GrpcChannel Channel(string path) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
    });

    private static Task ListensAsync(EnclaveProcess process) => Eventually.TrueAsync(
        () => process.Error.Contains("kms listens on", StringComparison.Ordinal) || process.HasExited, "the socket answers");

    private EnclaveProcess Start(string custody, params string[] more) => Start(custody, secrets: false, more);

    private EnclaveProcess Start(string custody, bool secrets, params string[] more)
    {
        string secretsSection = secrets ? $"\nsecrets:\n  listen: unix:{_folder.File("secrets.sock")}" : "";
        Directory.CreateDirectory(_folder.File("state"));
        string remote = custody == "manual" ? "\n  manual:\n    operators: any" : "\n  remote:\n    pollInterval: 100ms\n    retryInterval: 100ms";
        File.WriteAllText(_folder.File("enclave.yaml"), $"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms:
              listen: unix:{KmsSocket}
            admin:
              listen: unix:{AdminSocket}{secretsSection}
            custody:
              mode: {custody}{remote}
            state:
              directory: {_folder.File("state")}
            simulation:
              sealingKeyFile: {_folder.File("sealing.key")}
              remoteKms:
                keyFile: {_folder.File("kms.json")}
            """);
        return EnclaveProcess.Start(Program, ["--config", _folder.File("enclave.yaml"), .. more]);
    }
}
