using System.Diagnostics;
using Cloister.Cli.Demo;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>etcd with one member on loopback.</summary>
internal sealed class EtcdProcess : IAsyncDisposable
{
    private readonly Process _process;

    private readonly string _program;

    private EtcdProcess(Process process, string program, string url)
    {
        _program = program;
        _process = process;
        Url = url;
    }

    internal string Url { get; }

    /// <summary>Where the program is, and etcdctl beside it.</summary>
    internal string Folder => Path.GetDirectoryName(_program)!;

    /// <summary>Starts etcd, or skips the test where there is none.</summary>
    internal static async Task<EtcdProcess> StartAsync(string folder, EtcdTlsFiles? tls = null)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(directory => Path.Combine(directory, "etcd")).FirstOrDefault(File.Exists)
            ?? ApiServerHarness.Find()?.PathOf("etcd");
        Assert.SkipWhen(program is null, "no etcd in PATH, and eng/apiserver-harness has not built one");
        string client = $"{(tls is null ? "http" : "https")}://127.0.0.1:{LoopbackPort.Free()}";
        string peer = $"http://127.0.0.1:{LoopbackPort.Free()}";
        List<string> arguments =
        [
            "--data-dir", Path.Combine(folder, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}",
            "--log-level", "error", "--unsafe-no-fsync",
        ];
        if (tls is not null)
        {
            arguments.AddRange(["--cert-file", tls.ServerCertificate, "--key-file", tls.ServerKey, "--client-cert-auth", "--trusted-ca-file", tls.Ca]);
        }

        Process process = Process.Start(new ProcessStartInfo(program!, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        EtcdProcess etcd = new(process, program!, client);
        using EtcdClient probe = new(EtcdOptions.Create(client, tls?.Ca, tls?.ClientCertificate, tls?.ClientKey));
        await Eventually.TrueAsync(() => AnswersAsync(probe), "etcd answers", TimeSpan.FromSeconds(60));
        return etcd;
    }

    internal async Task PutAsync(string key, byte[] value)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(Url);
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFrom(value) } };
        TxnResponse done = await new KV.KVClient(channel).TxnAsync(new TxnRequest { Success = { put } });
        Assert.True(done.Succeeded);
    }

    /// <summary>A key as it is now.</summary>
    internal async Task<KeyValue> GetAsync(string key)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(Url);
        RangeResponse found = await new KV.KVClient(channel).RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) });
        return Assert.Single(found.Kvs);
    }

    /// <summary>Runs etcdctl, which comes with etcd, or skips the test where it does not.</summary>
    internal Task<string> CtlAsync(params IEnumerable<string> arguments) => CtlAtAsync(Url, arguments);

    /// <summary>Runs etcdctl against something that is to look like etcd.</summary>
    internal async Task<string> CtlAtAsync(string endpoint, params IEnumerable<string> arguments)
    {
        string program = Path.Combine(Folder, "etcdctl");
        Assert.SkipUnless(File.Exists(program), "no etcdctl beside etcd");
        ProcessStartInfo start = new(program, ["--endpoints", endpoint, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await errors);
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<bool> AnswersAsync(EtcdClient probe)
    {
        try
        {
            return (await probe.VersionAsync(CancellationToken.None)).Length > 0;
        }
        catch (CliException)
        {
            return false;
        }
    }
}
