namespace Cloister.LaunchMeasurement.Snp;

/// <summary>Who starts the guest. Each has an initial state of processors of its own, which is measured.</summary>
public enum SnpVmm
{
    /// <summary>QEMU with KVM.</summary>
    Qemu,

    /// <summary>Amazon EC2.</summary>
    Ec2,

    /// <summary>Google Compute Engine.</summary>
    Gce,
}
