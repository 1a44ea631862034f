using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees;

/// <summary>Evidence of a device, behind its gate. secrets: none.</summary>
internal sealed class DeviceEvidence : IEvidenceSource
{
    private const string Step = "evidence";

    private readonly IEvidenceDevice _device;
    private readonly DeviceGate _gate;

    internal DeviceEvidence(IEvidenceDevice device, DeviceGate gate)
    {
        _device = device;
        _gate = gate;
    }

    public string Tee => _device.Tee;

    public ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation) =>
        GetAsync(new EvidenceBinding(reportData, default, default), cancellation);

    public async ValueTask<JsonElement> GetAsync(EvidenceBinding binding, CancellationToken cancellation)
    {
        if (binding.ReportData.Length != RuntimeBinding.ReportDataSize)
        {
            throw new BrokerException(BrokerFailure.Refused, Step, $"report data has {RuntimeBinding.ReportDataSize} bytes");
        }

        try
        {
            return await _gate.RunAsync(() => _device.Collect(binding), cancellation);
        }
        catch (DeviceException e)
        {
            throw Failure(_device.Explain(e));
        }
        catch (TeeException e)
        {
            throw Failure(e);
        }
    }

    private static BrokerException Failure(TeeException failure) =>
        new(failure.IsPassing ? BrokerFailure.Unavailable : BrokerFailure.Refused, Step, failure.Message);
}
