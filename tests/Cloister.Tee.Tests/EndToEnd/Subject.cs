using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>A fake device as a broker meets it: honest through the back end, or with lies past every check that an enclave makes.</summary>
internal abstract class Subject : IDisposable
{
    /// <summary>As the protocol names it.</summary>
    internal abstract string Tee { get; }

    internal abstract FakeMachine Machine { get; }

    /// <summary>Who vouches for it, PEM.</summary>
    internal abstract string Root { get; }

    /// <summary>Starts the machine for a configuration, as far as this TEE measures it.</summary>
    internal virtual void Bind(byte[] configuration)
    {
    }

    /// <summary>Makes it another chip, whose platform key is another one.</summary>
    internal virtual void ChangePlatformKey() => throw new NotSupportedException();

    /// <summary>What a policy says of it.</summary>
    internal abstract string Appraisal(byte[] configuration);

    /// <summary>Evidence with a lie in it, straight from the vendor's keys.</summary>
    internal abstract JsonElement Lie(string lie, EvidenceBinding binding);

    /// <summary>The policy of one KEK, with its name.</summary>
    internal string Policy(string kek, EnclaveFiles files) => Policies.Release(kek, Appraisal(files.Bytes), files.Digest, Root);

    /// <summary>The TEE that the back end makes of the device.</summary>
    internal ITee Found() => Sample.Found(Machine);

    internal static Subject Of(string tee, LiveBroker broker) => tee switch
    {
        "sgx" => new SgxSubject(broker.Intel),
        "tdx" => new TdxSubject(broker.Intel),
        "snp" => new SnpSubject(),
        "nitro" => new NitroSubject(),
        "az-snp-vtpm" => new AzureSubject(null),
        "az-tdx-vtpm" => new AzureSubject(broker.Intel),
        _ => throw new ArgumentOutOfRangeException(nameof(tee)),
    };

    /// <summary>Ends what runs for it.</summary>
    public virtual void Dispose()
    {
    }

    protected static JsonElement Evidence(string member, byte[] bytes) => EvidenceText.Write((member, bytes));

    protected static byte[] Changed(byte[] evidence, int at, ReadOnlySpan<byte> value)
    {
        value.CopyTo(evidence.AsSpan(at));
        return evidence;
    }
}
