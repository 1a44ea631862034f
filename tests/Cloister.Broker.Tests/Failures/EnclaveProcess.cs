using System.Diagnostics;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Broker.Tests.Failures;

/// <summary>A <c>cloister-enclave-sim</c> process, and the API server's side of its socket.</summary>
internal sealed class EnclaveProcess : IAsyncDisposable
{
    private static readonly string Program = typeof(EnclaveProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "EnclaveSim").Value!;

    private readonly StringBuilder _log = new();
    private readonly Process _process;
    private readonly GrpcChannel _channel;
    private readonly KeyManagementService.KeyManagementServiceClient _kms;

    /// <summary>Starts it; it is not ready yet.</summary>
    /// <param name="folder">Its configuration.</param>
    /// <param name="log">A pipe that is its standard error from the start, read or not by the test; null to have it in <see cref="Log"/>.</param>
    public EnclaveProcess(EnclaveFolder folder, string? log = null)
    {
        ProcessStartInfo start = log is null
            ? new ProcessStartInfo(Program, ["--config", folder.Configuration])
            : new ProcessStartInfo("sh", ["-c", "exec 2> \"$1\"; shift; exec \"$@\"", "sh", log, Program, "--config", folder.Configuration]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(folder.KmsSocket), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        _kms = new KeyManagementService.KeyManagementServiceClient(_channel);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>All that it printed.</summary>
    public string Log()
    {
        lock (_log)
        {
            return _log.ToString();
        }
    }

    public async Task<StatusResponse> StatusAsync() => await _kms.StatusAsync(new StatusRequest(), cancellationToken: Cancellation);

    /// <summary>The key_id, as soon as Status is good.</summary>
    public async Task<string> ReadyAsync()
    {
        string keyId = "";
        await UntilAsync(
            async () =>
            {
                StatusResponse status = await StatusAsync();
                keyId = status.KeyId;
                return status.Healthz == "ok";
            },
            _ => false);
        return keyId;
    }

    /// <summary>What Status says, as soon as it is an error that says this.</summary>
    public async Task<RpcException> FailsAsync(string saying)
    {
        RpcException? failure = null;
        await UntilAsync(
            () => Task.FromResult(false), // waits for the error
            error =>
            {
                failure = error;
                return error.Status.Detail.Contains(saying, StringComparison.Ordinal);
            },
            StatusAsync);
        return failure!;
    }

    public async Task<EncryptResponse> EncryptAsync(byte[] plaintext) =>
        await _kms.EncryptAsync(new EncryptRequest { Uid = "u", Plaintext = ByteString.CopyFrom(plaintext) }, cancellationToken: Cancellation);

    public async Task<byte[]> DecryptAsync(EncryptResponse encrypted)
    {
        DecryptRequest request = new() { Uid = "u", Ciphertext = encrypted.Ciphertext, KeyId = encrypted.KeyId };
        request.Annotations.Add(encrypted.Annotations);
        return (await _kms.DecryptAsync(request, cancellationToken: Cancellation)).Plaintext.ToByteArray();
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>SIGTERM, as a supervisor stops it.</summary>
    public async Task StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private async Task UntilAsync(Func<Task<bool>> good, Func<RpcException, bool> bad, Func<Task>? call = null)
    {
        long start = Stopwatch.GetTimestamp();
        string last = "";
        while (Stopwatch.GetElapsedTime(start) < BrokerProcess.Timeout)
        {
            try
            {
                if (call is not null)
                {
                    await call();
                }

                if (await good())
                {
                    return;
                }
            }
            catch (RpcException e)
            {
                last = e.Status.ToString();
                if (bad(e))
                {
                    return;
                }
            }

            Assert.False(_process.HasExited, Log());
            await Task.Delay(100, Cancellation);
        }

        Assert.Fail($"{last}\n{Log()}");
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
