using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Cloister.Contracts.EnclaveAdmin;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Enclaves;

/// <summary>A simulated enclave as a child process: started on a folder, stopped with its parent, however that one ends.</summary>
internal sealed class SimulatedEnclave : IAsyncDisposable
{
    private const string Program = "cloister-enclave-sim";
    private const string ProgramVariable = "CLOISTER_ENCLAVE_SIM";

    private readonly Process _process;
    private readonly FileStream _claim;

    private SimulatedEnclave(Process process, FileStream claim, SimulatedEnclaveFiles files)
    {
        _process = process;
        _claim = claim;
        Files = files;
    }

    /// <summary>Its files.</summary>
    internal SimulatedEnclaveFiles Files { get; }

    /// <summary>Its process.</summary>
    internal int ProcessId => _process.Id;

    /// <summary>Ends when the process does.</summary>
    internal Task Ended => _process.WaitForExitAsync();

    /// <summary>Writes the configuration, starts the program and waits until its sockets answer.</summary>
    /// <exception cref="CliException">It is not there, or it does not come up; the message has what it said.</exception>
    internal static async Task<SimulatedEnclave> StartAsync(
        SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, bool showLog, CancellationToken cancellation)
    {
        FileStream claim = files.Claim();
        try
        {
            await WaitForOrphanAsync(files, cancellation);
            files.Prepare(options);
            return await StartAsync(files, claim, showLog, cancellation);
        }
        catch
        {
            await claim.DisposeAsync();
            throw;
        }
    }

    private static async Task<SimulatedEnclave> StartAsync(SimulatedEnclaveFiles files, FileStream claim, bool showLog, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(Locate(), ["--config", files.Configuration, "--stop-with-stdin"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        Process process = Process.Start(start) ?? throw new CliException($"{Program} cannot be started");
        StringBuilder said = new();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                return;
            }

            lock (said)
            {
                if (said.Length < 16_384)
                {
                    said.AppendLine(line.Data);
                }
            }

            if (showLog)
            {
                Console.Error.WriteLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        SimulatedEnclave enclave = new(process, claim, files);
        try
        {
            await enclave.WaitUntilItAnswersAsync(said, cancellation);
            return enclave;
        }
        catch
        {
            await enclave.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks for its state.</summary>
    internal async Task<EnclaveState> StateAsync(CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(Files.AdminSocket);
        return await new Admin.AdminClient(channel).GetStateAsync(
            new GetStateRequest(), deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: cancellation);
    }

    /// <summary>Hands a KEK over, version 1 of that name, as an operator does.</summary>
    internal async Task ImportKekAsync(string name, byte[] kek, CancellationToken cancellation)
    {
        using GrpcChannel channel = EnclaveChannel.Open(Files.AdminSocket);
        await new Admin.AdminClient(channel).ImportKekAsync(
            new ImportKekRequest { Name = name, Version = 1, Key = ByteString.CopyFrom(kek) }, cancellationToken: cancellation);
    }

    /// <summary>Waits until writes have a KEK: a remote KMS has to be asked first.</summary>
    /// <exception cref="CliException">There is none after five seconds.</exception>
    internal async Task<EnclaveState> WaitForKekAsync(CancellationToken cancellation)
    {
        EnclaveState state = await StateAsync(cancellation);
        for (int i = 0; i < 100 && state.ActiveKeyId.Length == 0; i++)
        {
            await Task.Delay(50, cancellation);
            state = await StateAsync(cancellation);
        }

        return state.ActiveKeyId.Length > 0 ? state : throw new CliException($"the simulated enclave has no KEK after 5 s: {state.Health}");
    }

    /// <summary>Stops it in order; after four seconds, without.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(4));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        _process.Dispose();
        await _claim.DisposeAsync();
    }

    // An enclave whose parent was killed is stopping: its sockets answer, and then stand, for a moment more.
    private static async Task WaitForOrphanAsync(SimulatedEnclaveFiles files, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + 5_000;
        foreach (string path in (string[])[files.KmsSocket, files.SecretsSocket, files.AdminSocket])
        {
            for (bool answered = false; File.Exists(path) && (Listens(path) || answered);)
            {
                answered = true;
                if (Environment.TickCount64 > deadline && !Listens(path))
                {
                    break;
                }

                if (Environment.TickCount64 > deadline)
                {
                    throw new CliException($"another program answers on {path}: stop it first");
                }

                await Task.Delay(20, cancellation);
            }
        }
    }

    private static bool Listens(string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Locate()
    {
        string here = AppContext.BaseDirectory;
        string?[] candidates =
        [
            Environment.GetEnvironmentVariable(ProgramVariable),
            Path.Combine(here, Program),
            Path.Combine(here, "..", Program, Program),
        ];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new CliException($"{Program} is not beside this program: it is for development only; run ./cloister from a checkout, or name it with {ProgramVariable}");
    }

    private async Task WaitUntilItAnswersAsync(StringBuilder said, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_process.HasExited)
            {
                await _process.WaitForExitAsync(cancellation);
                lock (said)
                {
                    throw new CliException($"the simulated enclave ended at start:\n{said}");
                }
            }

            // The KMS socket opens last.
            if (File.Exists(Files.KmsSocket) && await AnswersAsync(cancellation))
            {
                return;
            }

            if (Environment.TickCount64 > deadline)
            {
                throw new CliException("the simulated enclave does not answer after 20 s");
            }

            await Task.Delay(20, cancellation);
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        try
        {
            await StateAsync(cancellation);
            return true;
        }
        catch (Exception e) when (e is RpcException or CliException)
        {
            return false;
        }
    }
}
