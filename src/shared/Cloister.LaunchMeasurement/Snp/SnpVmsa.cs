using System.Buffers.Binary;
using Cloister.LaunchMeasurement.Firmware;

namespace Cloister.LaunchMeasurement.Snp;

/// <summary>
/// The page with a vCPU's registers before its first instruction (VMSA). Offsets: AMD64 Architecture Programmer's Manual, volume 2, table B-4. Values: what KVM gives at reset, and what the three
/// hypervisors do otherwise; EC2's and Google's as virtee/sev-snp-measure 0.0.13 has them.
/// </summary>
internal static class SnpVmsa
{
    /// <summary>Where every processor of x86 starts.</summary>
    internal const uint ResetEip = 0xFFFFFFF0;

    private const ushort Data = 0x93;
    private const uint Limit = 0xFFFF;

    /// <summary>The page.</summary>
    /// <param name="eip">Where the processor starts.</param>
    /// <param name="signature">CPUID signature; counts with QEMU only.</param>
    /// <param name="features">SEV_FEATURES.</param>
    /// <param name="vmm">Who makes it.</param>
    internal static byte[] Page(uint eip, uint signature, ulong features, SnpVmm vmm)
    {
        bool ec2 = vmm == SnpVmm.Ec2;
        byte[] page = new byte[FirmwareFile.PageSize];
        Segment(page, 0x00, 0, Data, 0);                                                       // ES
        Segment(page, 0x10, 0xF000, ec2 && eip == ResetEip ? (ushort)0x9A : (ushort)0x9B, eip & 0xFFFF0000);
        Segment(page, 0x20, 0, ec2 ? (ushort)0x92 : Data, 0);                                  // SS
        Segment(page, 0x30, 0, Data, 0);                                                       // DS
        Segment(page, 0x40, 0, Data, 0);                                                       // FS
        Segment(page, 0x50, 0, Data, 0);                                                       // GS
        Segment(page, 0x60, 0, 0, 0);                                                          // GDTR
        Segment(page, 0x70, 0, 0x82, 0);                                                       // LDTR
        Segment(page, 0x80, 0, 0, 0);                                                          // IDTR
        Segment(page, 0x90, 0, ec2 ? (ushort)0x83 : (ushort)0x8B, 0);                          // TR
        Put(page, 0x0D0, 0x1000);                                                              // EFER: SVME
        Put(page, 0x148, 0x40);                                                                // CR4: MCE
        Put(page, 0x158, 0x10);                                                                // CR0: ET
        Put(page, 0x160, 0x400);                                                               // DR7
        Put(page, 0x168, 0xFFFF0FF0);                                                          // DR6
        Put(page, 0x170, 0x2);                                                                 // RFLAGS
        Put(page, 0x178, eip & 0xFFFF);                                                        // RIP
        Put(page, 0x268, vmm == SnpVmm.Gce ? 0x70106ul : 0x7040600070406);                     // G_PAT
        Put(page, 0x310, vmm == SnpVmm.Qemu ? signature : 0x600);                              // RDX
        Put(page, 0x3B0, features);                                                            // SEV_FEATURES
        Put(page, 0x3E8, 0x1);                                                                 // XCR0
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x408), vmm == SnpVmm.Qemu ? 0x1F80u : 0);    // MXCSR
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(0x410), vmm == SnpVmm.Qemu ? (ushort)0x37F : (ushort)0);    // FCW
        return page;
    }

    private static void Segment(byte[] page, int at, ushort selector, ushort attributes, ulong start)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(at), selector);
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(at + 2), attributes);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(at + 4), Limit);
        Put(page, at + 8, start);
    }

    private static void Put(byte[] page, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(at), value);
}
