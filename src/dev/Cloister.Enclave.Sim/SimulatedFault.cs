using System.Runtime.InteropServices;

namespace Cloister.Enclave.Sim;

/// <summary>Deaths that a program cannot answer, for tests of what is around it.</summary>
internal static unsafe class SimulatedFault
{
    private const int Piece = 1024 * 1024;

    internal static void Begin(string fault)
    {
        switch (fault)
        {
            case "abort":
                Environment.FailFast("simulation.fault: abort");
                break;
            case "memory":
                new Thread(TakeMemory) { IsBackground = true }.Start();
                break;
        }
    }

    // Outside of the collector's heap, which has a limit, and written, so that it is there.
    private static void TakeMemory()
    {
        while (true)
        {
            NativeMemory.Fill(NativeMemory.Alloc(Piece), Piece, 1);
        }
    }
}
