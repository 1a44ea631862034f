using Cloister.Contracts.KmsV2;
using Cloister.Tee.Tests.Support;
using Grpc.Core;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A register of a running vTPM decides: who gets the KEK, and whether the sealed copy opens.</summary>
public sealed class AzureEndToEndTests(SharedLiveBroker shared) : IClassFixture<SharedLiveBroker>
{
    [Theory]
    [InlineData("az-snp-vtpm")]
    [InlineData("az-tdx-vtpm")]
    public async Task Another_kernel_gets_no_KEK_and_opens_no_sealed_copy(string tee)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek, keepsState: true);
        using Subject subject = Subject.Of(tee, broker);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
        string keyId;
        await using (RunningEnclave enclave = new(files, subject.Found()))
        {
            keyId = await enclave.ReadyAsync();
            EncryptResponse encrypted = await enclave.EncryptAsync(new byte[32]);
            Assert.Equal(new byte[32], await enclave.DecryptAsync(encrypted));
        }

        AzureMachine machine = ((AzureSubject)subject).Machine;
        Assert.Equal(0, machine.Tpm.Held());
        machine.Tpm.Extend(4);
        await using RunningEnclave other = new(files, subject.Found());
        string problem = await other.FailsAsync(StatusCode.FailedPrecondition);
        Assert.Contains("pcr4:", problem, StringComparison.Ordinal);
    }
}
