using System.Diagnostics;
using System.Net.Sockets;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Hosting;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>The whole enclave program in this process, in a TEE that the test gives it, and the API server's side of its socket.</summary>
internal sealed class RunningEnclave : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<int> _program;
    private readonly GrpcChannel _channel;
    private readonly GrpcChannel _admin;
    private readonly KeyManagementService.KeyManagementServiceClient _kms;

    internal RunningEnclave(EnclaveFiles files, ITee tee)
    {
        EnclaveParts parts = new() { Program = "cloister-enclave", Tee = tee, LeaveReadable = true, Stop = _stop.Token };
        _program = Task.Run(() => EnclaveProgram.RunAsync(["--config", files.Path], parts));
        _channel = Channel(files.KmsSocket);
        _admin = Channel(files.AdminSocket);
        _kms = new KeyManagementService.KeyManagementServiceClient(_channel);
    }

    internal Admin.AdminClient Administration => new(_admin);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The key_id, as soon as Status is good.</summary>
    internal Task<string> ReadyAsync() => UntilAsync(status => status.Healthz == "ok" ? status.KeyId : null, _ => null);

    /// <summary>What Status says, as soon as it is an error with this code.</summary>
    internal Task<string> FailsAsync(StatusCode code, string words = "") =>
        UntilAsync(_ => null, e => e.StatusCode == code && e.Status.Detail.Contains(words, StringComparison.Ordinal) ? e.Status.Detail : null);

    internal async Task<EncryptResponse> EncryptAsync(byte[] plaintext) =>
        await _kms.EncryptAsync(new EncryptRequest { Uid = "u", Plaintext = ByteString.CopyFrom(plaintext) }, cancellationToken: Cancellation);

    internal async Task<byte[]> DecryptAsync(EncryptResponse encrypted)
    {
        DecryptRequest request = new() { Uid = "u", Ciphertext = encrypted.Ciphertext, KeyId = encrypted.KeyId };
        request.Annotations.Add(encrypted.Annotations);
        return (await _kms.DecryptAsync(request, cancellationToken: Cancellation)).Plaintext.ToByteArray();
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _admin.Dispose();
        await _stop.CancelAsync();
        Assert.Equal(0, await _program);
        _stop.Dispose();
    }

    private static GrpcChannel Channel(string path)
    {
        SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    private async Task<string> UntilAsync(Func<StatusResponse, string?> good, Func<RpcException, string?> bad)
    {
        long start = Stopwatch.GetTimestamp();
        string last = "no answer";
        while (Stopwatch.GetElapsedTime(start) < BrokerProcess.Timeout)
        {
            Assert.False(_program.IsCompleted, "the enclave ended");
            try
            {
                StatusResponse status = await _kms.StatusAsync(new StatusRequest(), cancellationToken: Cancellation);
                if (good(status) is { } answer)
                {
                    return answer;
                }

                last = status.Healthz;
            }
            catch (RpcException e)
            {
                last = e.Status.ToString();
                if (bad(e) is { } answer)
                {
                    return answer;
                }
            }

            await Task.Delay(50, Cancellation);
        }

        throw new TimeoutException(last);
    }
}
