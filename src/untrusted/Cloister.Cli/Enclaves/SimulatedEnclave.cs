using System.Net.Sockets;
using Cloister.Cli.Operators;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Enclaves;

/// <summary>A simulated enclave as a child process: started on a folder, stopped with its parent, however that one ends.</summary>
internal sealed class SimulatedEnclave : IAsyncDisposable
{
    private const string Program = "cloister-enclave-sim";

    private readonly ChildProgram _process;
    private readonly FileStream _claim;

    private SimulatedEnclave(ChildProgram process, FileStream claim, SimulatedEnclaveFiles files)
    {
        _process = process;
        _claim = claim;
        Files = files;
    }

    /// <summary>Its files.</summary>
    internal SimulatedEnclaveFiles Files { get; }

    /// <summary>Its process.</summary>
    internal int ProcessId => _process.ProcessId;

    /// <summary>Ends when the process does.</summary>
    internal Task Ended => _process.Ended;

    /// <summary>Makes the simulated vendor that evidence is to come from, unless it is there.</summary>
    /// <param name="directory">Its folder.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CliException">It cannot be made.</exception>
    internal static async Task MakeVendorAsync(string directory, CancellationToken cancellation)
    {
        await using ChildProgram maker = ChildProgram.Start(Program, ["--make-vendor", directory], showLog: false);
        if (await maker.ExitAsync(cancellation) != 0)
        {
            throw new CliException($"the simulated vendor in {directory} cannot be made:\n{maker.Said}");
        }
    }

    /// <summary>Writes the configuration, starts the program and waits until its sockets answer.</summary>
    /// <exception cref="CliException">It is not there, or it does not come up; the message has what it said.</exception>
    internal static async Task<SimulatedEnclave> StartAsync(
        SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, bool showLog, CancellationToken cancellation)
    {
        FileStream claim = files.Claim();
        try
        {
            await WaitForOrphanAsync(files, cancellation);
            if (options.VendorDirectory is { } vendor && !File.Exists(new SimulatedVendorFiles(vendor).Root))
            {
                await MakeVendorAsync(vendor, cancellation);
            }

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
        ChildProgram process = ChildProgram.Start(Program, ["--config", files.Configuration, "--stop-with-stdin"], showLog);
        SimulatedEnclave enclave = new(process, claim, files);
        try
        {
            await enclave.WaitUntilItAnswersAsync(cancellation);
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
        using OperatorKey key = OperatorKey.Read(Files.OperatorKey);
        await new SignedChanges(new Admin.AdminClient(channel), key).ImportAsync(name, 1, inactive: false, kek, cancellation);
    }

    /// <summary>Waits until writes have a KEK: a remote KMS or a broker has to be asked first. For KEKs of namespaces, until it is known whether they have.</summary>
    /// <exception cref="CliException">There is none after fifteen seconds.</exception>
    internal async Task<EnclaveState> WaitForKekAsync(CancellationToken cancellation)
    {
        EnclaveState state = await StateAsync(cancellation);
        for (int i = 0; i < 300 && (state.ActiveKeyId.Length == 0 || state.MoreLeases.Any(IsOpen)); i++)
        {
            await Task.Delay(50, cancellation);
            state = await StateAsync(cancellation);
        }

        return state.ActiveKeyId.Length > 0 ? state : throw new CliException($"the simulated enclave has no KEK after 15 s: {state.Health}");
    }

    private static bool IsOpen(LeaseState lease) => lease.Lease.Length + lease.Failure.Length == 0;

    /// <summary>Stops it in order; after four seconds, without.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
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

    private async Task WaitUntilItAnswersAsync(CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_process.HasExited)
            {
                await _process.ExitAsync(cancellation);
                throw new CliException($"the simulated enclave ended at start:\n{_process.Said}");
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
