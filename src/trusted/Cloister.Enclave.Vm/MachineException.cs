using System.Runtime.InteropServices;

namespace Cloister.Enclave.Vm;

/// <summary>The machine cannot be made ready: it ends. The message says what to do. secrets: none.</summary>
internal sealed class MachineException(string message) : Exception(message)
{
    /// <summary>Throws when a call of the kernel failed.</summary>
    /// <param name="result">Below 0: it failed.</param>
    /// <param name="what">What was tried, such as <c>mount /proc</c>.</param>
    internal static int Check(int result, string what) =>
        result >= 0 ? result : throw new MachineException($"cannot {what}: {Marshal.GetLastPInvokeErrorMessage()}: build the image again with 'make enclave-vm', or look at the hypervisor");
}
