using System.Runtime.InteropServices;

namespace Cloister.Cli.Doctor;

/// <summary>What the kernel says of its clock.</summary>
/// <param name="Synchronised">A time service keeps it.</param>
/// <param name="MaxError">How far it may be off.</param>
internal sealed partial record KernelClock(bool Synchronised, TimeSpan MaxError)
{
    private const int Size = 208;
    private const int MaxErrorOffset = 24;
    private const int TimeError = 5;

    /// <summary>Asks; nothing is changed. Source: adjtimex(2), struct timex of 64-bit Linux.</summary>
    internal static KernelClock Read()
    {
        byte[] timex = new byte[Size];
        int state = AdjustTime(timex);
        return state >= 0
            ? new KernelClock(state != TimeError, TimeSpan.FromMicroseconds(BitConverter.ToInt64(timex, MaxErrorOffset)))
            : throw new IOException($"adjtimex: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "adjtimex", SetLastError = true)]
    private static partial int AdjustTime(byte[] timex);
}
