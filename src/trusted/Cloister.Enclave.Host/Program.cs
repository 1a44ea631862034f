using Cloister.Enclave.Host;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Vm;

// In a virtual machine of its own, its devices are there once the machine is ready.
return EnclaveMachine.IsHere ? await EnclaveMachine.RunAsync(args, RunAsync) : await RunAsync(args);

// The composition root for real TEEs. There is no way past the detector: without a TEE this program ends here.
static async Task<int> RunAsync(string[] args)
{
    ITee? tee = TeeDetector.Find(out TeeOptions options, out string whatToDo);
    if (tee is null && args is not (["--version"] or ["--needs", ..]))
    {
        Console.Error.WriteLine($"cloister-enclave: {whatToDo}");
        return 1;
    }

    return await EnclaveProgram.RunAsync(args, new EnclaveParts { Program = "cloister-enclave", Tee = tee ?? NoTee.Instance, ReadMore = options.Read });
}
