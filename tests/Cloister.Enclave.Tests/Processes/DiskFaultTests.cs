using System.Globalization;
using System.Text.RegularExpressions;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Tests.Support;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>Real processes whose disk is full, or whose root is read-only, by mounts of their own.</summary>
public sealed partial class DiskFaultTests : IDisposable
{
    private const string Full = "mount -t tmpfs -o size=16k none \"$1\"; head -c 100000 /dev/zero > \"$1/other\" || true";
    private const string ReadOnly = "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"";
    private const string ReadOnlyRoot = "mount -o remount,ro,bind /";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Full, "has space")]
    [InlineData(ReadOnly, "can be written by this user")]
    public async Task State_that_cannot_be_written_refuses_the_KEK_says_what_to_do_and_the_enclave_lives_on(string mounts, string words)
    {
        Assert.SkipUnless(EnclaveProcess.MayMount(), "this user may not mount");
        string state = Directory.CreateDirectory(_folder.File("state")).FullName;
        string configuration = Write($"unix:{_folder.File("kms.sock")}", $"""
            admin: {"{"} listen: "unix:{_folder.File("admin.sock")}" {"}"}
            state: {"{"} directory: {state} {"}"}
            simulation: {"{"} sealingKeyFile: {_folder.File("sealing.key")} {"}"}
            """);
        using EnclaveProcess process = EnclaveProcess.StartWithMounts(mounts, [state], "cloister-enclave-sim", "--config", configuration);
        await Eventually.TrueAsync(() => process.HasExited || File.Exists(_folder.File("kms.sock")), "the sockets");
        using GrpcChannel channel = SimulatedEnclaveTests.Channel(_folder.File("admin.sock"));
        Contracts.EnclaveAdmin.Admin.AdminClient admin = new(channel);
        for (int i = 0; i < 2; i++)
        {
            RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await admin.CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop));
            Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
            Assert.Contains(words, refusal.Status.Detail, StringComparison.Ordinal);
        }

        Assert.Empty((await admin.GetStateAsync(new GetStateRequest(), cancellationToken: Stop)).Keks);
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(Timeout));
    }

    [Fact]
    public async Task A_read_only_root_is_enough_to_serve()
    {
        Assert.SkipUnless(EnclaveProcess.MayMount(), "this user may not mount");
        using EnclaveProcess process = EnclaveProcess.StartWithMounts(ReadOnlyRoot, [], "cloister-enclave-sim", "--config", Write("tcp:127.0.0.1:0", ""));
        await Eventually.TrueAsync(() => process.HasExited || Port.IsMatch(process.Error), "the port");
        int port = int.Parse(Port.Match(process.Error).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        using GrpcChannel channel = GrpcChannel.ForAddress(
            $"http://127.0.0.1:{port}", new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { UseProxy = false }, DisposeHttpClient = true });
        RpcException noKek = await Assert.ThrowsAsync<RpcException>(
            async () => await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: Stop));
        Assert.Equal(StatusCode.FailedPrecondition, noKek.StatusCode);
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(Timeout));
    }

    [Fact]
    public async Task A_socket_in_a_read_only_folder_keeps_it_from_starting_with_what_to_do()
    {
        Assert.SkipUnless(EnclaveProcess.MayMount(), "this user may not mount");
        using EnclaveProcess process = EnclaveProcess.StartWithMounts(
            ReadOnlyRoot, [], "cloister-enclave-sim", "--config", Write($"unix:{_folder.File("kms.sock")}", ""));
        Assert.Equal(1, await process.ExitAsync(Timeout));
        Assert.Contains("kms.sock: cannot bind", process.Error, StringComparison.Ordinal);
        Assert.Contains("mount a tmpfs", process.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Error, StringComparison.Ordinal);
    }

    private string Write(string listen, string more)
    {
        string path = _folder.File("enclave.yaml");
        File.WriteAllText(path, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms: { listen: "{{listen}}"{{(listen.StartsWith("tcp:", StringComparison.Ordinal) ? ", unauthenticated: true" : "")}} }
            custody: { mode: manual, manual: { operators: any } }
            {{more}}
            """);
        return path;
    }

    [GeneratedRegex(@"tcp:127\.0\.0\.1:(\d+)")]
    private static partial Regex Port { get; }
}
