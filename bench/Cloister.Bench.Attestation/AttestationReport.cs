namespace Cloister.Bench.Attestation;

internal static class AttestationReport
{
    internal static void Print(string path) => Console.Out.WriteLine(path);
}
