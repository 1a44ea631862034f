using System.Runtime.CompilerServices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Sgx;

/// <summary>The probe for EDMM on this machine, whose kernel protects pages, and with a protection that does not.</summary>
public sealed class ProtectionProbeTests
{
    [Fact]
    public void It_tells_protection_from_none_every_time()
    {
        for (int i = 0; i < 50; i++)
        {
            Assert.True(ProtectionProbe.Holds(PageProtection.Real));
            Assert.False(ProtectionProbe.Holds(new NoProtection()));
            Assert.False(ProtectionProbe.Holds(new NoProtection(says: false)));
        }
    }

    [Fact]
    public void Faults_of_managed_code_are_exceptions_afterwards()
    {
        Assert.True(ProtectionProbe.Holds(PageProtection.Real));
        for (int i = 0; i < 50; i++)
        {
            Assert.Throws<NullReferenceException>(() => Length(null));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Length(string? text) => text!.Length;
    }
}
