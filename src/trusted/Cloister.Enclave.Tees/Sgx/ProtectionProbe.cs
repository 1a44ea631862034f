using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>
/// Whether taking access away from a page has an effect. The garbage collector stops threads with the help of mprotect, since Gramine has no
/// membarrier; in SGX that is a barrier only with EDMM, and silently nothing without it. So: forbid a page, touch it, see whether it faults.
/// Runs once, at start, before there are other threads that matter. secrets: none.
/// </summary>
internal static unsafe class ProtectionProbe
{
    private const nuint PageSize = 4096;

    private static readonly Lock Once = new();
    private static nint _page;
    private static int _faults;
    private static ProbeCalls.SignalAction _before;

    /// <summary>True when a forbidden page faults; false when it can be used all the same, or the probe cannot be made.</summary>
    internal static bool Holds(IPageProtection protection)
    {
        lock (Once)
        {
            nint page = ProbeCalls.Map(0, PageSize, ProbeCalls.ProtectReadWrite, ProbeCalls.MapPrivateAnonymous, -1, 0);
            if (page == -1)
            {
                return false;
            }

            try
            {
                // The page is there before it is forbidden, as the collector's is.
                ProbeCalls.Fill(page, 1, PageSize);
                _page = page;
                Volatile.Write(ref _faults, 0);
                return Watched(() => protection.Forbid(page, PageSize) && Touch(page)) && Volatile.Read(ref _faults) == 1;
            }
            finally
            {
                _page = 0;
                _ = ProbeCalls.Unmap(page, PageSize);
            }
        }
    }

    private static bool Touch(nint page)
    {
        ProbeCalls.Fill(page, 2, 1);
        return true;
    }

    private static bool Watched(Func<bool> probe)
    {
        ProbeCalls.SignalAction action = new()
        {
            Handler = (nint)(delegate* unmanaged[Cdecl]<int, byte*, void*, void>)&OnFault,
            Flags = ProbeCalls.WithInformation,
        };
        fixed (ProbeCalls.SignalAction* before = &_before)
        {
            if (ProbeCalls.SetAction(ProbeCalls.SegmentationFault, &action, before) != 0)
            {
                return false;
            }

            try
            {
                return probe();
            }
            finally
            {
                _ = ProbeCalls.SetAction(ProbeCalls.SegmentationFault, before, null);
            }
        }
    }

    // Gives the page back, and the instruction that faulted is made again. A fault elsewhere is not ours: who was there before gets it when
    // the instruction is made again.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnFault(int signal, byte* information, void* context)
    {
        nint address = *(nint*)(information + ProbeCalls.FaultAddressAt);
        if (_page != 0 && address >= _page && address < _page + (nint)PageSize)
        {
            _faults++;
            _ = ProbeCalls.Protect(_page, PageSize, ProbeCalls.ProtectReadWrite);
            return;
        }

        fixed (ProbeCalls.SignalAction* before = &_before)
        {
            _ = ProbeCalls.SetAction(signal, before, null);
        }
    }
}
