using Cloister.AdminApi;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Which enclaves will be refused, and the collateral that is here.</summary>
internal sealed class ForecastEndpoints(AdministrationServices services)
{
    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.Forecast, async call => await call.AnswerAsync(await services.Forecaster.LookAsync(call.Aborted), AdminJson.Default.FleetForecast));
        routes.Get(AdminPaths.Collateral, async call =>
        {
            if (services.Forecaster.Last is null)
            {
                await services.Forecaster.LookAsync(call.Aborted);
            }

            await call.AnswerAsync(services.Forecaster.Collateral(), AdminJson.Default.CollateralStatus);
        });
    }
}
