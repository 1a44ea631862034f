using Cloister.Enclave.Hosting;
using Cloister.Enclave.Sim;
using Cloister.Enclave.Vm;
using Cloister.Simulator.Dcap;

// The composition root with the simulated TEE: everything an enclave does, and no protection at all.
Console.Error.WriteLine("""
    ************************************************************************
    *  SIMULATED TEE. Keys are not protected from this machine: every root *
    *  process can read them. For development, never with real Secrets.    *
    ************************************************************************
    """);
if (args is ["--make-vendor", { Length: > 0 } vendor])
{
    // A verifier needs the vendor's root and collateral before the first enclave has evidence.
    DcapVendorDirectory.Open(vendor, DateTimeOffset.UtcNow).Dispose();
    return 0;
}

if (EnclaveMachine.IsHere)
{
    // Before anything is mounted or removed.
    MachineMeasurement machine = MachineMeasurement.OfFiles("/");
    return await EnclaveMachine.RunAsync(args, enclave => RunAsync(enclave, machine));
}

return await RunAsync(args, null);

static async Task<int> RunAsync(string[] args, MachineMeasurement? machine)
{
    using CancellationTokenSource stop = new();
    if (args is [.., "--stop-with-stdin"])
    {
        // Whoever started this process holds its standard input: when that one is gone, however it went, so is this.
        args = args[..^1];
        _ = Task.Factory.StartNew(
            () =>
            {
                while (Console.OpenStandardInput().ReadByte() >= 0)
                {
                }

                stop.Cancel();
            },
            TaskCreationOptions.LongRunning);
    }

    SimulationOptions simulation = new(machine?.WithKernel());
    return await EnclaveProgram.RunAsync(args, new EnclaveParts
    {
        Program = "cloister-enclave-sim",
        Tee = new SimulatedTee(simulation),
        RemoteKms = () => new SoftwareKms(simulation),
        Passthrough = (context, kms, options, log) => new PassthroughCustody(context, kms, options, log),
        ReadMore = root =>
        {
            simulation.Read(root);
            SimulatedFault.Begin(simulation.Fault);
        },
        LeaveReadable = true,
        Stop = stop.Token,
        MoreCounters = [("remote_calls", () => simulation.RemoteCalls)],
    });
}
