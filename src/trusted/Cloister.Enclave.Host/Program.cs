using Cloister.Enclave.Host;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;

// The composition root for real TEEs. There is no way past the detector: without a TEE this program ends here.
ITee? tee = TeeDetector.Find(out TeeOptions options, out string whatToDo);
if (tee is null && args is not (["--version"] or ["--needs", ..]))
{
    Console.Error.WriteLine($"cloister-enclave: {whatToDo}");
    return 1;
}

return await EnclaveProgram.RunAsync(args, new EnclaveParts { Program = "cloister-enclave", Tee = tee ?? NoTee.Instance, ReadMore = options.Read });
