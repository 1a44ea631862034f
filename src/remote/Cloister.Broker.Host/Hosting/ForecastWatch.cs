using Cloister.AdminApi;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Hosting;

/// <summary>Looks ahead every hour, and says in the log how many enclaves will be refused when that changes. Every broker of a database does it.</summary>
internal sealed class ForecastWatch : IAsyncDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    private readonly BrokerLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    private ForecastWatch(Forecaster forecaster, BrokerLog log)
    {
        (Forecaster, _log) = (forecaster, log);
        _work = Task.Run(RunAsync);
    }

    /// <summary>Looks.</summary>
    public Forecaster Forecaster { get; }

    /// <summary>Begins.</summary>
    /// <param name="configuration">Where collateral comes from, and which roots are allowed.</param>
    /// <param name="state">Leases and their evidence.</param>
    /// <param name="verification">What decides.</param>
    /// <param name="snp">Where endorsements come from; null: guests send them.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="log">For people.</param>
    public static ForecastWatch Start(
        BrokerConfiguration configuration, IBrokerState state, EvidenceVerification verification, ISnpCollateralSource? snp, TimeProvider clock, BrokerLog log)
    {
        CollateralOptions options = configuration.Collateral;

        // Whoever has fetched what is missing wants to see it: it is looked for with each look.
        VerifiedCollateralCacheOptions caching = new() { RefreshAfter = TimeSpan.FromMinutes(1), AbsentFor = TimeSpan.FromMinutes(1) };
        ForecastSources sources = new(
            verification,
            new EvidenceVerification(CollateralSources.Open(options, early: true), clock, snp, configuration.OtherRoots, caching: caching),
            new EvidenceVerification(CollateralSources.Open(options, early: false), new ClockAhead(clock, TimeSpan.FromDays(Forecaster.Days)), snp, configuration.OtherRoots, caching: caching),
            snp, options.Directory ?? (options.Pccs ?? options.Pcs)!.ToString(), options.Kds?.ToString() ?? options.Directory ?? "");
        return new ForecastWatch(new Forecaster(state, sources, clock), log);
    }

    /// <summary>Ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        Forecaster.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        int failing = 0;
        TimeSpan wait = First;
        while (true)
        {
            await Task.Delay(wait, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            wait = Interval;
            try
            {
                FleetForecast seen = await Forecaster.LookAsync(_stop.Token);
                if (seen.Failing != failing)
                {
                    _log.FailingSoon(failing = seen.Failing);
                }
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is: the next look may see more.
                _log.BackgroundFailed("looking which enclaves will be refused", e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
